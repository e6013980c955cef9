"""The page of figures: a run's tables, written between their marks in docs/performance.md.

`python -m bench.page RESULT.json` writes them, draws the picture and keeps the figures; `python -m bench --publish`
does so after a run.
"""

import argparse
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from bench.comparing import (
    FULL_ENOUGH,
    OURS,
    PEER,
    REQUESTS_A_SECOND,
    USERS,
    Compared,
    Line,
    ceilings,
    compare,
    cores,
    floor_ms,
    kept_rows,
    lines_of,
    ratio,
)
from bench.errors import BenchError
from bench.figures import Spread
from bench.growth import MOST_RATIO
from bench.memory import MOST_GROWTH, MemoryRun
from bench.plot import bars
from bench.report import cpu_text, digits_of, limits_text
from bench.servers import CHECKOUT

PAGE = CHECKOUT / "docs/performance.md"
PICTURE = CHECKOUT / "docs/images/performance.svg"
RESULTS = CHECKOUT / "bench/results"
# What a run is kept as, by the first of these that it has measured.
KEPT_AS = {"cases": "performance.json", "growth": "growth.json", "memory": "memory.json"}
NAMES = {OURS: "NoteAssist", "peer": "the peer"}
Kept = Mapping[str, Any]


def block(text: str, name: str, content: str) -> str:
    """Replace what stands between the marks of this name. Raises BenchError where they are missing."""
    begin, end = f"<!-- bench: {name} -->", f"<!-- end of {name} -->"
    marked = re.compile(re.escape(begin) + r"\n.*?" + re.escape(end), re.DOTALL)
    if not marked.search(text):
        raise BenchError(f"The page has no marks {begin} and {end}.")
    return marked.sub(lambda _: f"{begin}\n\n{content}\n\n{end}", text)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 1) -> str:
    """Write a table; from column `numbers` on they are figures."""
    lines = ["---" if place < numbers else "---:" for place in range(len(header))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, lines, *rows))


def cases_block(kept: Kept, *, limits: bool) -> str:
    """Write ours beside the peer's, with what is required where limits are on."""
    rows = [row for row in kept_rows(kept["cases"]) if row.limits == limits]
    floor = floor_ms(rows)
    header = [
        "CPU-ms per request",
        "NoteAssist",
        "peer",
        "times fewer",
        "req/s",
        "peer's",
        "p99 ms",
        "peer's",
    ]
    header += ["times one Redis round trip"] * bool(floor)
    header += ["required"] * limits
    lines = []
    for one in compare(rows):
        cells = [one.title, cpu_text(one.ours), cpu_text(one.peer) if one.peer else ""]
        cells += [one.times.text(1) if one.times else ""]
        for name, form in (("requests_per_second", "{:,.0f}"), ("p99_ms", "{:,.1f}")):
            cells += [form.format(line.median(name)) if line else "" for line in (one.ours, one.peer)]
        cells += [times_floor(one.ours, floor)] * bool(floor)
        cells += [required_text(one)] * limits
        lines.append(cells)
    return f"**{limits_text(limits).capitalize()}**\n\n" + table(header, lines)


def times_floor(line: Line, floor: float | None) -> str:
    """Say how many times as much as one round trip to Redis something takes."""
    if not floor or not line.cpu_ms:
        return ""
    return f"{Spread.of(line.cpu_ms).median / floor:,.1f}"


def required_text(one: Compared) -> str:
    """Write what is required and whether it is so."""
    if one.holds is None:
        return one.required
    return f"{one.required}: {'met' if one.holds else '**not met**'}"


def table_block(kept: Kept) -> str:
    """Write both forms, and what was read."""
    forms = sorted({bool(row.get("limits")) for row in kept["cases"]}, reverse=True)
    parts = [cases_block(kept, limits=limits) for limits in forms]
    sizes = [
        [NAMES.get(name, name), *(f"{value:,.0f}" for value in found.values())]
        for name, found in kept["sizes"].items()
    ]
    header = ["what is read", "list, bytes", "detail, bytes", "topics in it", "characters an explanation"]
    return "\n\n".join([*parts, table(header, sizes), *filter(None, [peer_text(kept)]), source(kept)])


def peer_text(kept: Kept) -> str:
    """Say how the peer ran, if there was one."""
    if all(row["target"] != PEER for row in kept["cases"]):
        return "There was no peer in this run."
    if not kept["settings"]["peer"]:
        return "**Nobody set the peer up: it ran as it was in every row**, whatever the row says of caches and limits."
    return ""


def source(kept: Kept) -> str:
    """Say when and with what it was measured."""
    machine = kept["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    servers = machine["servers"]
    return (
        f"Measured on {str(kept['at'])[:10]}: {kept['rounds']} rounds of {kept['seconds']:g} s; medians "
        f"(lowest-highest); {machine['processors']} processors ({machine['model'] or 'model not told'}), load "
        f"{machine['load_before']:.1f} before; data {kept['data']}; {machine['system']}, Python {machine['python']}, "
        f"PostgreSQL {servers['postgres']}, Redis {servers['redis']}; {packages}. The whole run took "
        f"{kept['took_seconds'] / 60:.0f} minutes."
    )


def ceilings_block(kept: Kept) -> str:
    """Write the ceilings, and how far the warm list is from them."""
    rows = kept_rows(kept["cases"])
    # With limits, where that was measured: it is how the server runs.
    counted = [row for row in rows if row.limits]
    header = ["the same list", "CPU-ms", "req/s", "our warm list takes times as much"]
    lines = [
        [
            NAMES.get(found.name, found.name),
            found.cpu_ms.text(digits_of(found.cpu_ms.median)),
            f"{found.requests_per_second:,.0f}",
            found.times.text(1) if found.times else "",
        ]
        for found in ceilings(counted or rows)
    ]
    return table(header, lines)


def users_block(kept: Kept) -> str:
    """Write the arithmetic for 10,000 users."""
    header = [
        f"{USERS:,} users, {REQUESTS_A_SECOND:,} req/s",
        "CPU-ms of the mix",
        "cores busy",
        f"cores at {FULL_ENOUGH:.0%}",
    ]
    lines = []
    for limits in (True, False):
        compared = compare([row for row in kept_rows(kept["cases"]) if row.limits == limits])
        for found in cores(compared):
            milliseconds = found.busy.median * 1000 / REQUESTS_A_SECOND
            name = f"{NAMES.get(found.server, found.server)}, {limits_text(limits)}"
            cost = f"{milliseconds:.{digits_of(milliseconds)}f}"
            lines.append([name, cost, found.busy.text(1), f"{found.needed:.1f}"])
    return table(header, lines)


def growth_block(kept: Kept) -> str:
    """Write what more notes of one user cost."""
    lines = lines_of(kept_rows(kept["growth"]))
    targets = list(dict.fromkeys(line.target for line in lines))
    header = ["CPU-ms", *targets, f"most to fewest (<= {MOST_RATIO})"]
    rows = []
    for case in dict.fromkeys(line.case for line in lines):
        found = {line.target: line for line in lines if line.case == case}
        grown = ratio(found[targets[-1]], found[targets[0]])
        rows.append([case, *(cpu_text(found[name]) for name in targets), grown.text(2) if grown else ""])
    return table(header, rows) + "\n\n" + source(kept)


def memory_block(kept: Kept) -> str:
    """Write the memory of the web processes, before and after."""
    run = MemoryRun.read(kept["memory"])
    lines = [[f"{one.requests:,}", f"{one.rss_mb:.0f}", f"{one.pss_mb:.0f}"] for one in run.landmarks]
    verdict = "met" if run.holds else "**not met**"
    return (
        table(["requests answered", "RSS, MB", "PSS, MB"], lines, numbers=0)
        + f"\n\nGrowth over the second half: PSS {run.growth:+.1%} (at most {MOST_GROWTH:.0%}: {verdict}), "
        + f"{run.mb_per_million:+.1f} MB for each million of requests."
    )


# Which part of a run each block of the page is made of.
BLOCKS: dict[str, tuple[str, Callable[[Kept], str]]] = {
    "table": ("cases", table_block),
    "ceilings": ("cases", ceilings_block),
    "users": ("cases", users_block),
    "growth": ("growth", growth_block),
    "memory": ("memory", memory_block),
}


def publish(path: Path, page: Path = PAGE, picture: Path = PICTURE, results: Path = RESULTS) -> list[Path]:
    """Write what this run has measured into the page, and keep it beside. Raises BenchError for another file."""
    kept = read_kept(path)
    name = next((name for part, name in KEPT_AS.items() if kept.get(part)), None)
    if name is None:
        raise BenchError(f"{path.name} has measured nothing that stands on the page.")
    text = page.read_text()
    for block_name, (part, write) in BLOCKS.items():
        if kept.get(part):
            text = block(text, block_name, write(kept))
    page.write_text(text)
    written = [page, results / name]
    if path.resolve() != written[1].resolve():
        shutil.copyfile(path, written[1])
    if kept.get("cases"):
        picture.write_text(bars(kept))
        written.append(picture)
    return written


def read_kept(path: Path) -> Kept:
    """Read a kept run. Raises BenchError for another file."""
    try:
        kept = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise BenchError(f"{path}: {error}") from error
    if not isinstance(kept, dict) or not {"at", "machine", "cases"} <= kept.keys():
        raise BenchError(f"{path} is no kept run of the bench.")
    return kept


def main() -> None:
    """Write one kept run into the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.page", description=__doc__)
    parser.add_argument("result", type=Path, help="a kept run: bench/results/....json")
    try:
        for written in publish(parser.parse_args().result):
            print(f"written: {written.relative_to(CHECKOUT)}")
    except BenchError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
