"""The chaos: blows on a schedule that follows from the seed, and the monkey that deals them."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LONG_OUTAGE = 60.0
# After a server was given back nobody touches it for so long.
PEACE_SECONDS = 1.5
# Granian ends a server of which the same process dies twice within 5.5 s.
PROCESS_PEACE_SECONDS = 8.0


@dataclass(frozen=True)
class Blow:
    """A kind of thing that is done to something: for a moment, or until `undo` after some seconds."""

    do: str
    what: str
    weight: int = 1
    targets: int = 1
    undo: str = ""
    seconds: tuple[float, float] = (0.0, 0.0)
    peace: float = PEACE_SECONDS


@dataclass(frozen=True, order=True)
class Event:
    """What is done at which second of a run."""

    at: float
    name: str
    target: int = 0


FULL = (
    Blow("kill_worker", "worker", weight=4, targets=3),
    Blow("kill_worker_family", "worker", 2, 3, undo="start_worker", seconds=(0.0, 3.0)),
    Blow("freeze_worker", "worker", 1, 3, undo="thaw_worker", seconds=(7.0, 12.0)),
    Blow("replace_worker", "worker", 1, 3),
    Blow("kill_web", "web", weight=2, peace=PROCESS_PEACE_SECONDS),
    Blow("flush", "redis", weight=2),
    Blow("stop_redis", "redis", 2, undo="start_redis", seconds=(1.0, 20.0)),
    Blow("freeze_redis", "redis", 1, undo="thaw_redis", seconds=(2.0, 12.0)),
    Blow("restart_postgres", "postgres", weight=2),
    Blow("stop_postgres", "postgres", 1, undo="start_postgres", seconds=(2.0, 8.0)),
    Blow("freeze_postgres", "postgres", 1, undo="thaw_postgres", seconds=(1.0, 5.0)),
    Blow("spoil_model", "model", 2, undo="mend_model", seconds=(2.0, 6.0)),
    Blow("stop_model", "model", 1, undo="start_model", seconds=(2.0, 6.0)),
)
QUICK_FULL = (
    Blow("kill_worker", "worker", weight=3, targets=3),
    Blow("kill_worker_family", "worker", 2, 3, undo="start_worker", seconds=(0.0, 1.0)),
    Blow("kill_web", "web", weight=2, peace=PROCESS_PEACE_SECONDS),
    Blow("flush", "redis", weight=2),
    Blow("stop_redis", "redis", 1, undo="start_redis", seconds=(1.0, 3.0)),
    Blow("restart_postgres", "postgres"),
)
EMBEDDED = (
    Blow("kill_server", "server", weight=4, peace=4.0),
    Blow("kill_server_process", "server", weight=2, peace=PROCESS_PEACE_SECONDS),
    Blow("spoil_model", "model", 1, undo="mend_model", seconds=(2.0, 5.0)),
    Blow("stop_model", "model", 1, undo="start_model", seconds=(2.0, 5.0)),
)
QUICK_EMBEDDED = EMBEDDED[:2]
PLAIN = (
    Blow("kill_worker_family", "worker", 4, 3, undo="start_worker", seconds=(0.0, 2.0)),
    Blow("flush", "redis", weight=2),
    Blow("stop_redis", "redis", 2, undo="start_redis", seconds=(1.0, 10.0)),
    Blow("freeze_redis", "redis", 1, undo="thaw_redis", seconds=(1.0, 4.0)),
    Blow("restart_postgres", "postgres", weight=2),
    Blow("spoil_model", "model", 2, undo="mend_model", seconds=(2.0, 6.0)),
)


class Timetable:
    """What is done when, and what nobody may touch until when."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.events: list[Event] = []
        self.busy: dict[tuple[str, int], list[tuple[float, float]]] = {}

    def add(self, blow: Blow, at: float, target: int, length: float) -> None:
        """Enter a blow, and what makes it good again."""
        self.events.append(Event(at, blow.do, target))
        if blow.undo:
            self.events.append(Event(at + length, blow.undo, target))
        self.busy.setdefault((blow.what, target), []).append((at, at + length + blow.peace))

    def try_to_add(self, blow: Blow, at: float) -> bool:
        """Enter a blow at any of its targets, unless that one is busy; says whether it was entered."""
        target = self.chance.randrange(blow.targets)
        length = self.chance.uniform(*blow.seconds) if blow.undo else 0.0
        end = at + length + blow.peace
        taken = self.busy.get((blow.what, target), [])
        if any(begin < end and at < other_end for begin, other_end in taken):
            return False
        self.add(blow, at, target, length)
        return True


def schedule(
    seed: int, seconds: float, blows: Sequence[Blow], gap: tuple[float, float], *, long_outage: bool = False
) -> list[Event]:
    """Decide what is done when: every blow once in any order, then any by its weight; no two at one thing."""
    chance = random.Random(f"chaos {seed}")
    table = Timetable(chance)
    if long_outage:
        stop_redis = next(blow for blow in blows if blow.do == "stop_redis")
        begin = chance.uniform(5.0, max(6.0, seconds - LONG_OUTAGE - 5.0))
        table.add(stop_redis, begin, 0, LONG_OUTAGE)
    first = chance.sample(blows, len(blows))
    now = chance.uniform(0.5, 1.5)
    while now < seconds:
        done = next((blow for blow in first if table.try_to_add(blow, now)), None)
        if done is not None:
            first.remove(done)
        elif not table.try_to_add(chance.choices(blows, [blow.weight for blow in blows])[0], now):
            now += 0.1
            continue
        now += chance.uniform(*gap)
    return sorted(table.events)


@dataclass
class Kill:
    """A moment at which processes of these ids were killed."""

    at: float
    pids: frozenset[int]


@dataclass
class Record:
    """What the monkey did, on the clock of this process."""

    log: list[tuple[float, str, int, str]] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)
    # When the database, or all who work, were not there: from, to.
    outages: list[tuple[float, float]] = field(default_factory=list)

    def count(self, *names: str) -> int:
        """Count what was done under these names."""
        return sum(name in names for _, name, _, _ in self.log)


class Monkey:
    """Deals the blows, in the thread that calls."""

    def __init__(
        self, actions: Mapping[str, Callable[[int], Any]], record: Record, *, show: Callable[[str], None]
    ) -> None:
        self.actions = actions
        self.record = record
        self.show = show

    def run(self, events: Sequence[Event], begun: float) -> None:
        """Do what the schedule says, each thing at its time after `begun`; what takes long delays all that follows."""
        late = 0.0
        for event in events:
            time.sleep(max(0.0, begun + event.at + late - time.monotonic()))
            now = time.monotonic()
            late = max(late, now - begun - event.at)
            detail = self.actions[event.name](event.target)
            took = time.monotonic() - now
            text = str(detail or "") + (f" ({took:.1f} s)" if took > 0.5 else "")
            self.record.log.append((round(now - begun, 2), event.name, event.target, text))
            self.show(f"{now - begun:6.1f} s  {event.name} {event.target} {text}")
