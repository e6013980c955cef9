"""What is asked: each case is one line of a table, made of calls and their weights."""

import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bench.people import Person
from bench.wire import encode_request

BodyOf = Callable[[Person, int], object]
# Prepared requests go round; this many of them touch far more notes than one user has.
READS = 2000
WRITES = 200
# More than any server answers in a round.
NEW = 20_000
# Of each user, where every answer is to come from a cache.
HOT_NOTES = 5
# How a server runs: as it comes, or with its caches for answers switched off.
WARM, UNCACHED = "warm", "uncached"
# One user in ten only writes, so that the lists that are read do not grow from round to round.
WRITERS_SHARE = 10
SEED = 7
# In texts that no earlier run may have asked for.
RUN = secrets.token_hex(4)


@dataclass(frozen=True)
class Call:
    """One kind of request; {note_id} and {page} are filled in with what the person has.

    Asked `by_key` it comes with the person's API key, and else with their access token.
    """

    method: str
    path: str
    body: BodyOf | None = None
    signed_in: bool = True
    by_key: bool = False

    def encode(self, person: Person, number: int, chance: random.Random, host: str) -> bytes:
        """Write this call as one of this person's requests."""
        path = self.path
        if "{note_id}" in path:
            path = path.replace("{note_id}", str(chance.choice(person.note_ids)))
        if "{page}" in path:
            path = path.replace("{page}", chance.choice(person.pages))
        token = person.token if self.signed_in and not self.by_key else None
        key = person.key if self.by_key else None
        body = self.body(person, number) if self.body else None
        return encode_request(self.method, path, host=host, token=token, key=key, body=body)


@dataclass(frozen=True)
class Case:
    """Calls with their weights, how many connections ask, how the servers run, and what is enough.

    Where the servers are `warm`, everything that is read is read a few times before each round, and notes come from
    the few that are hot. What is asked of one that `is_new` is asked once, in no two rounds the same. Few write, so
    that the lists of others do not grow, unless the writes of a case are `by_everybody`: then nobody waits for writes
    of their own. `size` requests are prepared, usually as many as suits the kind.
    """

    calls: tuple[tuple[int, Call], ...]
    connections: int = 32
    times_fewer_ms: float | None = None
    most_p99_ms: float | None = None
    setup: str = UNCACHED
    title: str = ""
    size: int | None = None
    is_new: bool = False
    by_everybody: bool = False

    @property
    def hot_notes(self) -> int | None:
        """Say how many notes of each user are read, or nothing where it is all of them."""
        return HOT_NOTES if self.setup == WARM else None

    @property
    def writes(self) -> bool:
        """Say whether any of its calls has a body."""
        return any(call.body for _, call in self.calls)


def credentials(person: Person, _number: int) -> object:
    """Sign in as this person."""
    return {"email": person.email, "password": person.password}


def study_note(_person: Person, number: int) -> object:
    """Make a note of 4 chapters with 5 topics each, as long as the seeded ones."""
    sentence = "A list keeps its order, a set keeps each value once, a dict finds by key. "
    chapters = [
        {
            "title": f"Chapter {c}",
            "topics": [study_topic(c, t, sentence) for t in range(1, 6)],
        }
        for c in range(1, 5)
    ]
    return {
        "title": f"Study note {number}",
        "tags": ["bench", "python"],
        "chapters": chapters,
    }


def study_topic(chapter: int, topic: int, sentence: str) -> dict[str, object]:
    """Make one topic: every one explained, every second with code, every fourth with a source."""
    made: dict[str, object] = {
        "name": f"Topic {chapter}.{topic}",
        "explanation": {"content": f"## Topic {chapter}.{topic}\n\n{sentence * 11}"[:800]},
    }
    if topic % 2 == 0:
        made["code_snippet"] = {
            "language": "python",
            "code": "print(sorted({3, 1, 2}))\n",
        }
    if topic % 4 == 0:
        made["source"] = {"title": "Sorting", "url": "https://example.com/sorting"}
    return made


def topic_to_explain(person: Person, number: int) -> object:
    """Ask for an explanation that nobody has asked for: an answer from the cache would be another thing."""
    return {"topic": f"Topic {number} of {person.email} ({RUN})", "level": "beginner", "language": "en"}


LIST = Call("GET", "/api/notes/")
PAGE = Call("GET", "{page}")
DETAIL = Call("GET", "/api/notes/{note_id}/")
CREATE = Call("POST", "/api/notes/", study_note)
ASK = Call("POST", "/api/ai-tools/generate/", topic_to_explain)
OVERVIEW = Call("GET", "/api/dashboard/overview/")
LOGIN = Call("POST", "/api/token/", credentials, signed_in=False)

CASES = {
    "list": Case(((1, LIST),), title="list, uncached", times_fewer_ms=6),
    "detail": Case(((1, DETAIL),), title="detail, uncached", times_fewer_ms=10),
    # Nobody works it out beforehand: no worker runs.
    "dashboard": Case(((1, OVERVIEW),), title="dashboard, uncached", times_fewer_ms=8),
    "warm-list": Case(((1, LIST),), setup=WARM, title="list, warm", times_fewer_ms=15),
    "warm-detail": Case(((1, DETAIL),), setup=WARM, title="detail, warm", times_fewer_ms=12),
    "warm-dashboard": Case(((1, OVERVIEW),), setup=WARM, title="dashboard, warm"),
    "tail": Case(
        ((1, LIST),), connections=256, setup=WARM, title="list, warm, 256 connections", most_p99_ms=60
    ),
    "mix": Case(
        ((3, LIST), (2, DETAIL), (1, ASK)),
        setup=WARM,
        title="mix: list 3, detail 2, generate 1",
        times_fewer_ms=5,
        size=3 * NEW,
        is_new=True,
        by_everybody=True,
    ),
    # No worker runs: what is measured is the request, up to its task in the database and the bell in Redis.
    "ask": Case(((1, ASK),), setup=WARM, title="generate", times_fewer_ms=4, is_new=True, by_everybody=True),
    "create": Case(
        ((1, CREATE),), connections=16, setup=WARM, title="create a note, 4 x 5", times_fewer_ms=2
    ),
    # Password hashing fills every core: more connections would only wait.
    "login": Case(((1, LOGIN),), connections=4, setup=WARM, title="login", times_fewer_ms=8),
}
# What the least that a request can cost is measured with.
CEILING = Case(((1, LIST),), setup=WARM, title="the ceilings, with a warm list")
GROWTH_CASES = {
    "list": Case(((1, LIST),), connections=16),
    "any page": Case(((1, PAGE),), connections=16),
    "detail": Case(((1, DETAIL),), connections=16),
    "warm-list": Case(((1, LIST),), connections=16, setup=WARM),
    "warm-detail": Case(((1, DETAIL),), connections=16, setup=WARM),
}
# More notes than fit into the cache, so that it is always full and always changing.
MEMORY_CASE = Case(((3, LIST), (2, DETAIL)), size=40_000)


def prepare(case: Case, people: Sequence[Person], host: str, number: int = 0) -> list[bytes]:
    """Write the requests of a case in round `number`, the same sequence of choices for every server."""
    chance = random.Random(SEED)
    calls = [call for _, call in case.calls]
    weights = [weight for weight, _ in case.calls]
    crowd = crowd_of(case, people)
    size = case.size or (NEW if case.is_new else WRITES if case.writes else READS)
    first = number * size if case.is_new else 0
    return [
        chance.choices(calls, weights)[0].encode(crowd[n % len(crowd)], n, chance, host)
        for n in range(first, first + size)
    ]


def crowd_of(case: Case, people: Sequence[Person]) -> list[Person]:
    """Choose who asks, and for which of their notes."""
    writers = max(1, len(people) // WRITERS_SHARE)
    readers = people[:-writers] or people
    crowd = people if case.by_everybody else people[-writers:] if case.writes else readers
    return [replace(person, note_ids=person.note_ids[: case.hot_notes]) for person in crowd]


def reads_of(requests: Sequence[bytes]) -> list[bytes]:
    """List each different request that only reads, once."""
    return list(dict.fromkeys(request for request in requests if request.startswith(b"GET ")))
