"""The requests of a case."""

from bench.cases import CASES, CREATE, DETAIL, LIST, Case, prepare
from bench.people import Person, local_path

PEOPLE = [Person(f"user{n}@example.com", "secret", f"token{n}", (n * 10, n * 10 + 1)) for n in range(20)]


def token_of(request: bytes) -> bytes:
    return request.partition(b"Bearer ")[2].partition(b"\r\n")[0]


def test_every_reader_asks_for_notes_of_their_own() -> None:
    for request in prepare(CASES["detail"], PEOPLE, "h"):
        number = int(token_of(request).removeprefix(b"token"))
        note_id = int(request.split(b"/")[3])
        assert note_id in PEOPLE[number].note_ids


def test_who_writes_does_not_read() -> None:
    readers = {token_of(request) for request in prepare(CASES["list"], PEOPLE, "h")}
    writers = {token_of(request) for request in prepare(CASES["create"], PEOPLE, "h")}

    assert len(readers) == 18
    assert len(writers) == 2
    assert not readers & writers


def test_a_single_user_both_reads_and_writes() -> None:
    assert prepare(CASES["list"], PEOPLE[:1], "h")
    assert prepare(CASES["create"], PEOPLE[:1], "h")


def test_a_mix_asks_by_its_weights() -> None:
    requests = prepare(Case(((3, LIST), (1, DETAIL))), PEOPLE, "h")

    lists = sum(request.startswith(b"GET /api/notes/ ") for request in requests)
    assert 0.7 < lists / len(requests) < 0.8


def test_every_server_is_asked_the_same_in_the_same_order() -> None:
    assert prepare(CASES["detail"], PEOPLE, "h") == prepare(CASES["detail"], PEOPLE, "h")


def test_signing_in_carries_no_token() -> None:
    request = prepare(CASES["login"], PEOPLE, "h")[0]

    assert b"Authorization" not in request
    assert b'"email":"user' in request


def test_a_created_note_has_four_chapters_of_five_topics() -> None:
    assert CREATE.body is not None
    note = CREATE.body(PEOPLE[0], 1)
    topics = [topic for chapter in note["chapters"] for topic in chapter["topics"]]  # type: ignore[index]  # plain JSON

    assert len(topics) == 20
    assert all(780 <= len(topic["explanation"]["content"]) <= 800 for topic in topics)


def test_a_next_page_is_followed_with_and_without_a_host() -> None:
    assert local_path("http://127.0.0.1:1/api/notes/?cursor=a") == "/api/notes/?cursor=a"
    assert local_path("/api/notes/?cursor=a") == "/api/notes/?cursor=a"


def test_what_must_be_new_is_asked_once_in_all_rounds():
    rounds = [set(prepare(CASES["ask"], PEOPLE, "h", number)) for number in range(3)]
    assert all(len(requests) == 20_000 for requests in rounds)
    assert len(set.union(*rounds)) == 60_000
