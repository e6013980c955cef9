"""What a run is like: how much is asked in which time, and what is asked when."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

SECONDS_A_TASK = 0.26
TOOLS = ("generate", "improve", "summarize", "code")
# How tools are asked: plainly, twice with the same key, by one who waits, by one who cancels.
MANNERS: tuple[dict[str, Any], ...] = (
    {},
    {"repeats": True},
    {"waits": True},
    {"cancel_after": 0.0},
    {"cancel_after": 0.5},
)
MANNER_WEIGHTS = (74, 10, 12, 1, 3)
LONG_FROM = 100.0


@dataclass(frozen=True)
class Shape:
    """How much is asked, and over how many seconds. `gap` is the pause between two blows, from and to."""

    tasks: int
    seconds: float
    users: int
    registrations: int
    notes: int
    gap: tuple[float, float]
    # The probability that the model spoils an answer, all the time.
    faults: float
    # How long everything may take to end once the blows are over.
    patience: float = 120.0

    @property
    def is_long(self) -> bool:
        """Say whether there is time for an outage of a minute."""
        return self.seconds >= LONG_FROM


def shape_of(tasks: int, *, quick: bool) -> Shape:
    """Give the shape of a run with so many tasks."""
    if quick:
        return Shape(60, 12.0, users=6, registrations=8, notes=10, gap=(0.5, 1.2), faults=0.03, patience=40.0)
    seconds = max(10.0, tasks * SECONDS_A_TASK)
    return Shape(
        tasks, seconds, users=12, registrations=tasks // 12, notes=tasks // 8, gap=(1.0, 4.5), faults=0.06
    )


@dataclass(frozen=True)
class Errand:
    """Something that a user does at a moment: `ask` a tool, make a `note`, or `register` somebody."""

    at: float
    kind: str
    key: str
    tool: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    # Whether the same request is sent once more after it was accepted, as a client does that has forgotten.
    repeats: bool = False
    # Whether the caller would wait for the answer.
    waits: bool = False
    # After how many seconds the task is cancelled, if it is.
    cancel_after: float | None = None


def errands(seed: int, shape: Shape) -> list[list[Errand]]:
    """Make up what each user does, in order; the same for the same seed."""
    chance = random.Random(f"errands {seed}")
    everybody: list[list[Errand]] = [[] for _ in range(shape.users)]
    for errand in _all(seed, shape, chance):
        chance.choice(everybody).append(errand)
    for of_one in everybody:
        of_one.sort(key=lambda errand: errand.at)
    return everybody


def _all(seed: int, shape: Shape, chance: random.Random) -> Iterator[Errand]:
    for number in range(shape.tasks):
        at = number * shape.seconds / shape.tasks + chance.uniform(0, 1)
        # A sixth of all asks what others ask at about the same time: they are to join one another.
        is_shared = chance.random() < 1 / 6
        mark = f"soak {seed} shared {number // 12}" if is_shared else f"soak {seed} task {number}"
        # What is shared is asked of one tool, or it would not be the same.
        tool = TOOLS[number // 12 % len(TOOLS)] if is_shared else chance.choice(TOOLS)
        manner: dict[str, Any] = chance.choices(MANNERS, MANNER_WEIGHTS)[0]
        yield Errand(at, "ask", f"key {seed} {number}", tool, body_of(tool, mark), **manner)
    for number in range(shape.notes):
        title = f"soak {seed} note {number}"
        yield Errand(chance.uniform(0, shape.seconds), "note", title, body={"title": title})
    for number in range(shape.registrations):
        email = f"mailed{number}.{seed}@example.com"
        yield Errand(chance.uniform(0, shape.seconds), "register", email)


def body_of(tool: str, mark: str) -> dict[str, Any]:
    """Make up a request to a tool that carries a mark."""
    if tool == "generate":
        return {"topic": f"The {mark}", "level": "beginner"}
    if tool == "code":
        return {"prompt": f"Print {mark}", "programming_language": "python"}
    return {"content": f"This is a text about {mark}. It has two sentences."}
