"""What a request costs: measured processor time, and the ways between the parts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from bench.comparing import OURS
from bench.errors import BenchError

PARTS = ("app", "postgres", "redis")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """One kind of request: processor milliseconds of each part, and how often the parts are asked."""

    app_ms: float = 0.0
    postgres_ms: float = 0.0
    redis_ms: float = 0.0
    statements: int = 2
    redis_calls: int = 0
    # A transaction keeps its connection from BEGIN to COMMIT, and its end waits for the disk.
    is_transaction: bool = False
    is_write: bool = False
    makes_task: bool = False


@dataclass(frozen=True)
class Costs:
    """The cost of every kind of request, and where the figures come from."""

    kinds: Mapping[str, Cost]
    source: str


# How each kind goes its way; its milliseconds are measured. `ask` looks the session up and inserts, in two statements.
WAYS = {
    "list": Cost(),
    "detail": Cost(),
    "create": Cost(statements=10, is_transaction=True, is_write=True),
    "ask": Cost(redis_calls=1, is_write=True, makes_task=True),
}
# Counting a request against its limits, in one call of a script. Redis' part is measured (0.021 ms, 2026-11-22); the
# application's is 0.025 ms in a loop, taken twice for what waiting costs.
COUNTING_APP_MS, COUNTING_REDIS_MS = 0.05, 0.021
# A kept run of `python -m bench.simulate --measure`, with its machine and date in it.
MEASURED = Path(__file__).parent / "measured.json"


def read_kept(path: Path) -> dict[str, Any]:
    """Read a kept run of the bench or of `--measure`."""
    try:
        kept = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise BenchError(f"{path}: {error}") from error
    if not isinstance(kept, dict) or not {"at", "machine"} <= kept.keys():
        raise BenchError(f"{path} is no kept run of the bench.")
    return kept


def kept_rows(kept: dict[str, Any]) -> list[dict[str, Any]]:
    """List the rounds of our own server that went well, whose processor time is known, and that counted no limits."""
    rows = (*kept.get("cases", ()), *kept.get("loops", ()))
    return [
        row
        for row in rows
        if row["target"] == OURS and row["cpu_ms"] and not row["failures"] and not row.get("limits")
    ]


def read_costs(path: Path = MEASURED) -> Costs:
    """Take the figures of a kept run; what it did not measure comes from the run that the code has with it."""
    kept = read_kept(path)
    rows = kept_rows(kept)
    known = {} if path == MEASURED else dict(read_costs().kinds)
    found = {}
    for name, way in WAYS.items():
        taken = [row["cpu_ms"] for row in rows if row["case"] == name]
        middle = {f"{part}_ms": median(row[part] for row in taken) for part in PARTS} if taken else {}
        found[name] = replace(known.get(name, way), **middle)
    if found == known:
        raise BenchError(f"{path} has measured none of {', '.join(WAYS)}.")
    return Costs(found, f"{path.name}, {kept['at']}")


def counted(cost: Cost) -> Cost:
    """Add what counting a request against its limits costs; the bench measures without."""
    return replace(
        cost,
        app_ms=cost.app_ms + COUNTING_APP_MS,
        redis_ms=cost.redis_ms + COUNTING_REDIS_MS,
        redis_calls=cost.redis_calls + 1,
    )
