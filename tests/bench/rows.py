"""Rounds as a run keeps them."""

from bench.rounds import Row


def row(target: str, cpu_ms: float | None, number: int = 1, **more: object) -> Row:
    """Make one round, good unless something else is given."""
    figures: dict[str, object] = {
        "case": "list",
        "target": target,
        "round": number,
        "requests": 1000,
        "requests_per_second": 250.0,
        "p50_ms": 1.0,
        "p95_ms": 2.0,
        "p99_ms": 3.0,
        "cpu_ms": {} if cpu_ms is None else {"app": cpu_ms},
        "statuses": {"200": 1000},
        "failures": 0,
        "sample": "",
    }
    return Row(**(figures | more))  # type: ignore[arg-type]  # figures by name


def rounds(target: str, *cpu_ms: float, **more: object) -> list[Row]:
    """Make a round for each cost."""
    return [row(target, ms, number, **more) for number, ms in enumerate(cpu_ms, 1)]
