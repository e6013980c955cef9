"""The requests of a case."""

import re

from bench.cases import CASES, CREATE, DETAIL, HOT_NOTES, LIST, WARM, Case, prepare, reads_of
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


MANY = [
    Person(f"user{n}@example.com", "secret", f"token{n}", tuple(range(n * 50, n * 50 + 50)))
    for n in range(20)
]


def notes_asked_for(case: Case) -> dict[bytes, set[bytes]]:
    found: dict[bytes, set[bytes]] = {}
    for request in prepare(case, MANY, "h"):
        if match := re.match(rb"GET /api/notes/(\d+)/", request):
            found.setdefault(token_of(request), set()).add(match[1])
    return found


def test_where_answers_are_to_come_from_a_cache_few_notes_of_each_reader_are_asked_for() -> None:
    found = notes_asked_for(CASES["warm-detail"])

    assert len(found) == 18
    assert all(len(notes) == HOT_NOTES for notes in found.values())


def test_where_they_are_not_any_note_is_asked_for() -> None:
    assert all(len(notes) > HOT_NOTES for notes in notes_asked_for(CASES["detail"]).values())


def test_the_mix_is_3_lists_2_details_and_a_text_that_nobody_has_asked_for() -> None:
    requests = prepare(CASES["mix"], PEOPLE, "h")
    lists = sum(request.startswith(b"GET /api/notes/ ") for request in requests)
    posts = [request for request in requests if request.startswith(b"POST /api/ai-tools/generate/ ")]

    assert 0.49 < lists / len(requests) < 0.51
    assert 0.16 < len(posts) / len(requests) < 0.175
    assert len(set(posts)) == len(posts)
    assert {token_of(post) for post in posts} == {b"token%d" % n for n in range(20)}


def test_what_is_read_before_a_round_is_each_different_read_once() -> None:
    requests = prepare(CASES["mix"], PEOPLE, "h")
    reads = reads_of(requests)

    assert set(reads) == {request for request in requests if not request.startswith(b"POST")}
    assert len(reads) == len(set(reads)) == 20 + 20 * 2


def test_each_case_that_is_compared_has_a_title_of_its_own() -> None:
    assert len({case.title for case in CASES.values()} - {""}) == len(CASES)


def test_only_what_is_called_uncached_runs_without_a_cache() -> None:
    assert {name for name, case in CASES.items() if case.setup != WARM} == {"list", "detail", "dashboard"}
    assert all("uncached" in CASES[name].title for name in ("list", "detail", "dashboard"))
