"""People who write notes without a pause, and know what the server has promised them."""

import random
import threading
from dataclasses import dataclass
from typing import Any

import httpx

from tests.live import LiveServer

LARGEST_COLLECTION = 12
Json = dict[str, Any]


@dataclass
class Attempt:
    """A write whose answer never came: it happened, or it did not."""

    body: Json
    note_id: int | None
    key: str = ""


def whole_note(chance: random.Random, title: str) -> Json:
    """Make up the body of a note with everything in it."""

    def topic(name: str) -> Json:
        content = f"# {name}\n\n" + "What it means. " * chance.randint(1, 40)
        return {
            "name": name,
            "explanation": {"content": content},
            "code_snippet": {"language": "python", "code": f"print({name!r})\n"},
            "source": {"title": "A book", "url": "https://example.org/book"},
        }

    chapters = [
        {
            "title": f"{title}, chapter {c}",
            "topics": [topic(f"{title} {c}.{t}") for t in range(chance.randint(0, 4))],
        }
        for c in range(chance.randint(1, 6))
    ]
    return {"title": title, "tags": sorted({f"tag {chance.randint(1, 9)}", "all"}), "chapters": chapters}


def essence(note: Json) -> Json:
    """Reduce a note to what its writer decides."""
    return {
        "title": note["title"],
        "tags": note["tags"],
        "chapters": [
            {"title": chapter["title"], "topics": [_topic_essence(topic) for topic in chapter["topics"]]}
            for chapter in note["chapters"]
        ],
    }


def _topic_essence(topic: Json) -> tuple[str, ...]:
    source = topic["source"]
    texts = (topic["explanation"]["content"], topic["code_snippet"]["code"])
    return (topic["name"], *texts, source["title"], source["url"])


class Writer:
    """Creates, replaces and changes notes until the server is gone."""

    def __init__(self, server: LiveServer, name: str, seed: int) -> None:
        self.name = name
        self.chance = random.Random(seed)
        self.client = server.sign_up(f"{name}@example.com")
        self.notes: dict[int, Json] = {}
        self.lost: Attempt | None = None
        self.acknowledged = 0

    def write_until_cut(self, stop: threading.Event) -> None:
        """Write until a request is cut or somebody says so."""
        while not stop.is_set():
            attempt = self._next_attempt()
            try:
                answer = self._send(attempt)
            except httpx.TransportError:
                self.lost = attempt
                return
            self._remember(attempt, answer)

    def _next_attempt(self) -> Attempt:
        number = self.acknowledged
        title = f"{self.name} {number}"
        if len(self.notes) < self.chance.randint(1, LARGEST_COLLECTION):
            return Attempt(whole_note(self.chance, title), None, f"key {number}")
        note_id = self.chance.choice(list(self.notes))
        body = whole_note(self.chance, title)
        if self.chance.random() < 0.3:
            body = {"title": title, "tags": body["tags"]}
        elif self.chance.random() < 0.5:
            # Replaced in place: rows are kept, moved, changed and removed in one request.
            kept = self.notes[note_id]["chapters"][:3]
            body["chapters"] = [*body["chapters"][:1], *reversed(kept)]
        return Attempt(body, note_id)

    def _send(self, attempt: Attempt) -> httpx.Response:
        if attempt.note_id is None:
            return self.client.post(
                "/api/notes/", json=attempt.body, headers={"Idempotency-Key": attempt.key}
            )
        method = "PUT" if "chapters" in attempt.body else "PATCH"
        return self.client.request(method, f"/api/notes/{attempt.note_id}/", json=attempt.body)

    def _remember(self, attempt: Attempt, answer: httpx.Response) -> None:
        assert answer.status_code in {200, 201}, answer.text
        note = answer.json()
        assert essence(note) == essence(self.wanted(attempt)), "the answer is not what was sent"
        self.notes[note["id"]] = note
        self.acknowledged += 1

    def wanted(self, attempt: Attempt) -> Json:
        """Give the note as it should stand after an attempt."""
        before = self.notes[attempt.note_id] if attempt.note_id is not None else {}
        return {**before, **attempt.body}

    def check(self) -> None:
        """Compare all that is stored with all that was acknowledged; takes in what the cut request did."""
        self._retry_lost_creation()
        listed = self._listed()
        assert set(listed) == set(self.notes), "notes are missing, or there are some that nobody made"
        for note_id, known in self.notes.items():
            found = self.client.get(f"/api/notes/{note_id}/").json()
            topics = [len(chapter["topics"]) for chapter in found["chapters"]]
            assert (found["chapter_count"], found["topic_count"]) == (len(topics), sum(topics))
            assert listed[note_id].items() <= found.items(), "the list says otherwise than the detail"
            if found != known:
                assert self.lost and self.lost.note_id == note_id, f"an acknowledged write is gone: {known}"
                assert essence(found) == essence(self.wanted(self.lost)), (
                    "the note is neither the old nor the new"
                )
                self.notes[note_id] = found
        self.lost = None

    def _retry_lost_creation(self) -> None:
        if self.lost and self.lost.note_id is None:
            first = self._send(self.lost)
            again = self._send(self.lost)
            assert first.json() == again.json(), "one key made two notes"
            assert again.headers["Idempotent-Replayed"] == "true"
            self._remember(self.lost, first)
            self.lost = None

    def _listed(self) -> dict[int, Json]:
        notes: dict[int, Json] = {}
        address: str | None = "/api/notes/?page_size=100"
        while address:
            page = self.client.get(address).json()
            notes |= {note["id"]: note for note in page["results"]}
            address = page["next"]
        return notes
