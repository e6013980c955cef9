"""After a write of any kind the next read shows it, through whichever process it comes."""

import time

import pytest

from tests.live import eventually
from tests.people import PASSWORD
from tests.services.imports import samples
from tests.visitors import Person, send

from . import ai, warm

TEXT = "teh cells  divides ,and they grows"


class Desk:
    """Somebody's notes, and a connection over which they write."""

    def __init__(self, house, wire):
        self.house, self.wire, self.person = house, wire, house.sign_up("writer")
        topics = [{"name": f"Topic {n}", "explanation": {"content": TEXT}} for n in range(2)]
        chapters = [{"title": f"Chapter {n}", "topics": topics} for n in range(2)]
        self.note = self.write(
            "POST", "/api/notes/", {"title": "Cells", "tags": ["bio", "cell"], "chapters": chapters}
        )
        self.other = self.write("POST", "/api/notes/", {"title": "Other", "tags": ["bio"]})
        old = self.write("POST", "/api/notes/", {"title": "Old", "tags": ["old"]})
        self.write("DELETE", f"/api/notes/{old['id']}/")
        self.old_id = old["id"]
        self.chapter, self.chapter2 = self.note["chapters"]
        self.topic, self.topic2 = self.chapter["topics"]
        self.paths = {
            "list": "/api/notes/",
            "detail": f"/api/notes/{self.note['id']}/",
            "chapter": f"/api/chapters/{self.chapter['id']}/",
            "topic": f"/api/topics/{self.topic['id']}/",
            "tags": "/api/tags/",
            "tagged": "/api/notes/?tag=bio",
            "found": "/api/notes/?q=cells",
            "trash": "/api/notes/trash/",
        }
        self.place = self.paths["detail"]

    def write(self, method, path, body=None):
        """Write; gives what was answered."""
        return self.person.do(self.wire, method, path, body)

    def output(self, path=ai.BASE + "improve/", **body):
        """Have an AI tool make something; gives it."""
        task = self.write("POST", path, body or {"content": TEXT + str(time.monotonic_ns())})
        return warm.done_task(self.person, self.wire, f"/api/tasks/{task['task_id']}/")["result"]

    def upload(self, content, name):
        """Import a file; gives what was answered."""
        sent = samples.multipart(content, name)
        headers = {**self.person.headers, "Content-Type": sent["content_type"]}
        answer = self.wire.ask("POST", "/api/notes/import/", headers, sent["data"])
        assert answer.status in {201, 202}, answer
        return answer.json

    def look(self, wire, names):
        """Read these places, in this order."""
        return {name: self.person.get(wire, self.paths[name], X_Request_ID="look").lasting for name in names}


# Each kind of write prepares, names what it changes (the first is read first), and then writes.
def creates(desk):
    yield ["list", "tags"]
    desk.write("POST", "/api/notes/", {"title": "New", "tags": ["new"]})


def creates_a_whole_tree(desk):
    yield ["found", "list"]
    topic = {"name": "Cells again"}
    desk.write("POST", "/api/notes/", {"title": "New", "chapters": [{"title": "One", "topics": [topic]}]})


def patches(desk):
    yield ["detail", "list"]
    desk.write("PATCH", desk.place, {"title": "Patched"})


def patches_a_status(desk):
    yield ["list", "detail"]
    desk.write("PATCH", desk.place, {"status": "archived"})


def patches_tags(desk):
    yield ["tagged", "tags", "list", "detail"]
    desk.write("PATCH", desk.place, {"tags": ["cell", "more"]})


def replaces(desk):
    yield ["detail", "list", "chapter"]
    kept = {**desk.chapter, "title": "Kept"}
    desk.write("PUT", desk.place, {"title": "Replaced", "tags": ["bio"], "chapters": [kept]})


def deletes(desk):
    yield ["detail", "topic", "chapter", "list", "tags", "trash"]
    desk.write("DELETE", desk.place)


def deletes_for_good(desk):
    yield ["detail", "list", "topic"]
    desk.write("DELETE", desk.place + "?permanent=true")


def restores(desk):
    yield ["trash", "list", "tags"]
    desk.write("POST", f"/api/notes/{desk.old_id}/restore/")


def duplicates(desk):
    yield ["list", "tags"]
    desk.write("POST", desk.place + "duplicate/")


def reorders(desk):
    yield ["detail", "chapter"]
    first, second = desk.chapter, desk.chapter2
    topics = [topic["id"] for topic in first["topics"] + second["topics"]]
    order = [{"id": second["id"], "topics": topics[::-1]}, {"id": first["id"], "topics": []}]
    desk.write("POST", desk.place + "reorder/", {"chapters": order})


def bulk(action, names, **fields):
    """Do the same to several notes."""

    def kind(desk):
        yield names
        ids = [desk.old_id] if action == "restore" else [desk.note["id"], desk.other["id"]]
        answer = desk.write("POST", "/api/notes/bulk/", {"ids": ids, "action": action, **fields})
        assert answer

    kind.__name__ = f"bulk_{action}"
    return kind


def renames_a_tag(desk):
    yield ["tags", "tagged", "detail"]
    desk.write("PATCH", "/api/tags/bio/", {"name": "biology"})


def merges_tags(desk):
    yield ["list", "tags"]
    desk.write("PATCH", "/api/tags/cell/", {"name": "bio"})


def deletes_a_tag(desk):
    yield ["list", "tags", "tagged"]
    desk.write("DELETE", "/api/tags/bio/")


def adds_a_chapter(desk):
    yield ["list", "detail"]
    desk.write("POST", desk.place + "chapters/", {"title": "Another", "order": 1})


def patches_a_chapter(desk):
    yield ["chapter", "detail"]
    desk.write("PATCH", desk.paths["chapter"], {"title": "Patched", "order": 2})


def deletes_a_chapter(desk):
    yield ["topic", "chapter", "detail", "list"]
    desk.write("DELETE", desk.paths["chapter"])


def adds_a_topic(desk):
    yield ["chapter", "list", "detail"]
    desk.write(
        "POST",
        desk.paths["chapter"] + "topics/",
        {"name": "Another", "code_snippet": {"language": "python", "code": "1"}},
    )


def patches_a_topic(desk):
    yield ["topic", "detail", "chapter"]
    desk.write("PATCH", desk.paths["topic"], {"explanation": {"content": "Other"}, "name": "Patched"})


def patches_a_topic_and_nothing_else_in_the_list(desk):
    yield ["list", "topic"]
    desk.write("PATCH", desk.paths["topic"], {"code_snippet": {"language": "python", "code": "1"}})


def deletes_a_topic(desk):
    yield ["topic", "list", "detail"]
    desk.write("DELETE", desk.paths["topic"])


def imports_a_file(desk):
    yield ["list", "found"]
    desk.upload(b"# Imported cells\n\ntext", "note.md")


def imports_by_a_task(desk):
    notes = samples.zipped({f"{number}.md": f"# Note {number}\n\ncells" for number in range(3)})
    large = samples.changed_with(notes, samples.stored("picture.png", b"\x89" * 2 * 1024 * 1024))
    yield ["list", "found"]
    task = desk.upload(large, "notes.zip")
    assert task["task_id"]
    # Not by asking: nobody may have told the server that there is something new.
    done = "SELECT count(*) FROM tasks WHERE kind = 'import' AND status = 'succeeded' AND user_id = :id"
    eventually(lambda: desk.house.figure(done, id=desk.person.user["id"]) == 1, 30, "not imported")


def saves_an_output_as_a_note(desk):
    output = desk.output()
    yield ["list"]
    desk.write("POST", output["actions"]["save_to_note"], {"title": "Saved"})


def saves_an_output_to_a_note(desk):
    output = desk.output()
    yield ["detail", "list"]
    desk.write("POST", output["actions"]["save_to_note"], {"note_id": desk.note["id"]})


def saves_an_output_to_a_chapter(desk):
    output = desk.output()
    yield ["chapter", "detail"]
    place = {"note_id": desk.note["id"], "chapter_id": desk.chapter["id"]}
    desk.write("POST", output["actions"]["save_to_note"], place)


def applies_a_tool_to_a_topic(desk):
    output = desk.output(desk.paths["topic"] + "ai/", tool="improve")
    yield ["topic", "detail"]
    desk.write("POST", f"{ai.BASE}{output['id']}/apply/", {"topic_id": desk.topic["id"]})


def restores_a_revision(desk):
    desk.write("PATCH", desk.place, {"title": "Second"})
    yield ["detail", "list"]
    desk.write("POST", desk.place + "revisions/1/restore/")


def writes_with_an_idempotency_key(desk):
    yield ["list"]
    for _ in range(2):
        answer = desk.person.ask(desk.wire, "POST", "/api/notes/", {"title": "Once"}, Idempotency_Key="once")
        assert answer.status == 201


KINDS = [
    creates, creates_a_whole_tree, patches, patches_a_status, patches_tags, replaces, deletes, deletes_for_good,
    restores,
    duplicates, reorders, bulk("trash", ["detail", "list", "tags"]), bulk("restore", ["list", "tags", "trash"]),
    bulk("tag", ["tags", "list"], tag="marked"), bulk("untag", ["tagged", "tags"], tag="bio"),
    bulk("status", ["list", "detail"], status="published"), renames_a_tag, merges_tags, deletes_a_tag, adds_a_chapter,
    patches_a_chapter, deletes_a_chapter, adds_a_topic, patches_a_topic, patches_a_topic_and_nothing_else_in_the_list,
    deletes_a_topic, imports_a_file, imports_by_a_task, saves_an_output_as_a_note, saves_an_output_to_a_note,
    saves_an_output_to_a_chapter, applies_a_tool_to_a_topic, restores_a_revision, writes_with_an_idempotency_key,
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_next_read_shows_a_write(house, kind):
    turn = KINDS.index(kind)
    wires = house.wires()
    desk = Desk(house, wires[turn % len(wires)])
    writing = kind(desk)
    changed = next(writing)
    names = [*changed, *(name for name in desk.paths if name not in changed)]
    warm.warm_up(house, desk.person, [desk.paths[name] for name in names])
    before = desk.look(house.wires()[0], names)
    assert list(writing) == []
    # Whoever has not written is asked first: nobody has told them by asking.
    readers = [*(wire for wire in house.wires() if wire is not desk.wire), desk.wire]
    after = [desk.look(wire, names) for wire in readers]
    wanted = desk.look(house.twin_wire(), names)
    assert [name for name in changed if wanted[name] == before[name]] == []
    assert after == [wanted] * len(after)
    tag = dict(before[changed[0]][1]).get("etag", '"none"')
    for wire in readers:
        assert desk.person.get(wire, desk.paths[changed[0]], If_None_Match=tag).status != 304


def test_what_a_process_without_ready_answers_writes_is_seen(house):
    desk = Desk(house, house.twin_wire())
    warm.warm_up(house, desk.person, list(desk.paths.values()))
    for number in range(4):
        desk.write("PATCH", desk.place, {"title": f"Draft {number}"})
        for wire in house.wires():
            assert desk.person.get(wire, desk.place).json["title"] == f"Draft {number}"
            assert desk.person.get(wire, "/api/notes/").json["results"][1]["title"] == f"Draft {number}"


def test_each_of_many_writes_in_turn_is_seen_by_every_process_and_session(house):
    desk = Desk(house, house.wires()[0])
    other = desk.person.again(house.wires()[0])
    for number in range(12):
        wires = house.wires()
        warm.warm_up(house, desk.person, [desk.place])
        desk.person.do(wires[number % len(wires)], "PATCH", desk.place, {"title": f"Draft {number}"})
        for person in (other, desk.person):
            for wire in wires[::-1]:
                assert person.get(wire, desk.place).json["title"] == f"Draft {number}"


def test_a_write_that_is_undone_shows_nothing(house):
    desk = Desk(house, house.wires()[0])
    names = list(desk.paths)
    warm.warm_up(house, desk.person, list(desk.paths.values()))
    before = desk.look(house.wires()[0], names)
    for body in ({"title": ""}, {"tags": ["x" * 51]}, {"title": "x", "unknown": 1}):
        assert desk.person.ask(desk.wire, "PATCH", desk.place, body).status == 422
    stale = desk.person.ask(desk.wire, "PATCH", desk.place, {"title": "x"}, If_Match='"stale"')
    assert stale.status == 412
    for wire in [*house.wires(), house.twin_wire()]:
        assert desk.look(wire, names) == before


def test_each_user_sees_their_own_on_one_connection(house):
    desks = [Desk(house, house.wires()[0]) for _ in range(2)]
    for number in range(3):
        for desk in desks:
            desk.write("PATCH", desk.place, {"title": f"{desk.person.email} {number}"})
        for _ in range(warm.ROUNDS):
            for wire in house.wires():
                for desk, stranger in (desks, desks[::-1]):
                    assert desk.person.get(wire, desk.place).json["title"] == f"{desk.person.email} {number}"
                    listed = desk.person.get(wire, "/api/notes/").json["results"]
                    assert {note["id"] for note in listed} == {desk.note["id"], desk.other["id"]}
                    tag = desk.person.get(wire, "/api/notes/").header("ETag")
                    assert stranger.person.get(wire, "/api/notes/", If_None_Match=tag).status == 200
                    assert stranger.person.get(wire, desk.place, If_None_Match="*").status == 404


def test_the_trash_that_a_task_empties_is_seen_to_be_empty(house):
    desk = Desk(house, house.wires()[0])
    mine = {"id": desk.person.user["id"]}
    house.execute(
        "UPDATE notes SET deleted_at = '2020-01-01 00:00:00.000000' WHERE deleted_at IS NOT NULL AND user_id = :id",
        **mine,
    )
    warm.warm_up(house, desk.person, list(desk.paths.values()))
    assert len(desk.person.get(house.wires()[0], desk.paths["trash"]).json["results"]) == 1
    house.execute("UPDATE tasks SET status = 'queued', finished_at = NULL WHERE kind = 'empty_trash'")
    left = "SELECT count(*) FROM notes WHERE user_id = :id"
    eventually(lambda: house.figure(left, **mine) == 2, 20, "the trash was not emptied")
    for wire in house.wires()[::-1]:
        assert desk.person.get(wire, desk.paths["trash"]).json["results"] == []
        assert desk.look(wire, list(desk.paths)) == desk.look(house.twin_wire(), list(desk.paths))


@pytest.mark.parametrize("house", ["embedded"], indirect=True)
def test_what_a_command_makes_is_read(house):
    house.run("seed-demo", "--users", "1", "--notes", "3", "--password", PASSWORD)
    body = {"email": "user1@example.com", "password": PASSWORD}
    answer = send(house.wires()[0], "POST", "/api/auth/token/", body)
    person = Person(body["email"], answer.json)
    assert [len(person.get(wire, "/api/notes/").json["results"]) for wire in house.wires()] == [3] * len(
        house.wires()
    )


def test_what_a_command_changes_is_seen_by_every_process(house):
    person = Desk(house, house.wires()[0]).person
    paths = ["/api/notes/", "/api/auth/me/", "/api/admin/overview/"]
    warm.warm_up(house, person, paths)
    assert person.get(house.wires()[0], paths[2]).status == 403
    house.run("create-admin", person.email)
    for wire in house.wires()[::-1]:
        assert person.get(wire, paths[1]).json["role"] == "admin"
        assert person.get(wire, paths[2]).status == 200
        assert len(person.get(wire, paths[0]).json["results"]) == 2
