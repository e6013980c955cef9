"""A long random life of some notes, compared step by step with a small model of what must happen."""

import random

import pytest

from . import expect


class Model:
    """One note as it should be: its title and its chapters, in order, with the names of their topics."""

    def __init__(self, client, chance, number):
        self.client, self.chance, self.chapters = client, chance, []
        self.title = f"Note {number}"
        self.id = expect.ok(client.post("/api/notes/", json={"title": self.title}), 201)["id"]
        self.path = f"/api/notes/{self.id}/"
        self.names = iter(range(10_000))

    def place(self, rows):
        """An order to ask for, and the index that it means."""
        order = self.chance.choice([None, 1, 2, len(rows), len(rows) + 1, len(rows) + 7])
        if not order:
            return {}, len(rows)
        return {"order": order}, min(order - 1, len(rows))

    def pick(self, rows):
        """Any of these rows."""
        return self.chance.choice(rows)

    def add_chapter(self):
        order, index = self.place(self.chapters)
        row = {"title": f"c{next(self.names)}", "topics": []}
        made = expect.ok(
            self.client.post(f"{self.path}chapters/", json={"title": row["title"], **order}), 201
        )
        self.chapters.insert(index, {"id": made["id"], **row})

    def add_topic(self):
        topics = self.pick(self.chapters)
        order, index = self.place(topics["topics"])
        body = {"name": f"t{next(self.names)}", "explanation": {"content": "x"}, **order}
        made = expect.ok(self.client.post(f"/api/chapters/{topics['id']}/topics/", json=body), 201)
        topics["topics"].insert(index, {"id": made["id"], "name": body["name"]})

    def move(self, kind, rows):
        row = rows.pop(self.chance.randrange(len(rows)))
        order, index = self.place(rows)
        name = {"chapters": "title", "topics": "name"}[kind]
        row[name] = f"moved{next(self.names)}"
        if not order:
            order, index = {"order": len(rows) + 1}, len(rows)
        expect.ok(self.client.patch(f"/api/{kind}/{row['id']}/", json={name: row[name], **order}))
        rows.insert(index, row)

    def move_chapter(self):
        self.move("chapters", self.chapters)

    def move_topic(self):
        self.move("topics", self.pick([chapter for chapter in self.chapters if chapter["topics"]])["topics"])

    def delete_chapter(self):
        gone = self.chapters.pop(self.chance.randrange(len(self.chapters)))
        assert self.client.delete(f"/api/chapters/{gone['id']}/").status_code == 204

    def delete_topic(self):
        topics = self.pick([chapter for chapter in self.chapters if chapter["topics"]])["topics"]
        gone = topics.pop(self.chance.randrange(len(topics)))
        assert self.client.delete(f"/api/topics/{gone['id']}/").status_code == 204

    def reorder(self):
        topics = [topic for chapter in self.chapters for topic in chapter["topics"]]
        self.chance.shuffle(topics)
        self.chance.shuffle(self.chapters)
        for chapter in self.chapters:
            chapter["topics"] = []
        for topic in topics:
            self.pick(self.chapters)["topics"].append(topic)
        tree = [{"id": chapter["id"], "topics": expect.ids(chapter["topics"])} for chapter in self.chapters]
        expect.ok(self.client.post(f"{self.path}reorder/", json={"chapters": tree}))

    def replace(self):
        self.reorder_locally()
        answer = expect.ok(self.client.put(self.path, json={"title": self.title, "chapters": self.chapters}))
        kept = [(chapter["id"], expect.ids(chapter["topics"])) for chapter in answer["chapters"]]
        for chapter, (id, topics) in zip(self.chapters, kept, strict=True):
            assert chapter.setdefault("id", id) == id
            for topic, topic_id in zip(chapter["topics"], topics, strict=True):
                assert topic.setdefault("id", topic_id) == topic_id

    def reorder_locally(self):
        """Drop some rows, add some without an id, and mix the rest."""
        self.chapters = [chapter for chapter in self.chapters if self.chance.random() < 0.8]
        for chapter in self.chapters:
            chapter["topics"] = [topic for topic in chapter["topics"] if self.chance.random() < 0.8]
            chapter["topics"].append({"name": f"t{next(self.names)}"})
            self.chance.shuffle(chapter["topics"])
        self.chapters.append({"title": f"c{next(self.names)}", "topics": [{"name": f"t{next(self.names)}"}]})
        self.chance.shuffle(self.chapters)

    def trash_and_restore(self):
        assert self.client.delete(self.path).status_code == 204
        expect.ok(self.client.post(f"{self.path}restore/"))

    def step(self):
        """Do one thing that is possible now."""
        actions = [self.add_chapter, self.replace, self.trash_and_restore]
        if self.chapters:
            actions += [
                self.add_chapter,
                *[self.add_topic] * 4,
                self.move_chapter,
                self.delete_chapter,
                self.reorder,
            ]
        if any(chapter["topics"] for chapter in self.chapters):
            actions += [self.move_topic, self.move_topic, self.delete_topic]
        self.pick(actions)()

    def check(self):
        """The server has exactly this."""
        note = expect.ok(self.client.get(self.path))
        assert expect.outline(note) == [(c["title"], [t["name"] for t in c["topics"]]) for c in self.chapters]
        assert expect.includes(note, {"chapters": self.chapters})
        counts = len(self.chapters), sum(len(chapter["topics"]) for chapter in self.chapters)
        assert (note["chapter_count"], note["topic_count"]) == counts
        return note


@pytest.mark.parametrize("seed", range(6))
def test_counts_and_orders_are_right_after_every_step(alice, bob, seed):
    chance = random.Random(seed)
    models = [Model(client, chance, number) for number, client in enumerate([alice, alice, bob])]
    for _ in range(40):
        model = chance.choice(models)
        model.step()
        for each in models:
            each.check()
    for client in (alice, bob):
        for row in expect.walk(client, "/api/notes/"):
            note = next(model for model in models if model.id == row["id"]).check()
            assert (row["chapter_count"], row["topic_count"]) == (note["chapter_count"], note["topic_count"])


@pytest.mark.parametrize("seed", range(2))
def test_counts_are_right_after_many_steps_at_once(alice, in_parallel, seed):
    chance = random.Random(seed)
    tree = [{"title": "c", "topics": [{"name": "t"}] * 6}] * 4
    note = expect.ok(alice.post("/api/notes/", json={"title": "Busy", "chapters": tree}), 201)
    path, chapters = f"/api/notes/{note['id']}/", note["chapters"]
    actions = [lambda: alice.post(f"{path}chapters/", json={"title": "c", "order": 2})] * 4
    actions += [lambda c=c: alice.delete(f"/api/chapters/{c['id']}/") for c in chapters[:1]]
    for chapter in chapters:
        actions += [
            lambda c=chapter: alice.post(f"/api/chapters/{c['id']}/topics/", json={"name": "n", "order": 1})
        ] * 2
        actions += [
            lambda t=topic: alice.delete(f"/api/topics/{t['id']}/") for topic in chapter["topics"][:2]
        ]
    chance.shuffle(actions)
    assert {answer.status_code for answer in in_parallel(actions)} <= {201, 204, 404}
    now = expect.ok(alice.get(path))
    assert now["chapter_count"] == len(expect.outline(now)) == 7
    assert now["topic_count"] == sum(len(topics) for _, topics in expect.outline(now)) == 18
