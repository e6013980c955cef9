"""The page of figures and its picture, made from a kept run."""

from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import orjson
import pytest

from bench import page
from bench.ceilings import BARE, CLIENT, PLAIN
from bench.errors import BenchError
from bench.memory import MemoryRun, Moment
from bench.page import block, publish
from bench.plot import Scale, bars
from bench.rounds import Row
from tests.bench.rows import rounds

SVG = "{http://www.w3.org/2000/svg}"
SIZES = {"list_bytes": 6918, "detail_bytes": 24294, "topics": 20, "explanation_characters": 799}
MARKS = "".join(
    f"before {name}\n<!-- bench: {name} -->\nold\n<!-- end of {name} -->\n" for name in page.BLOCKS
)


def both_forms(case: str, ours: float, peer: float) -> list[Row]:
    found = []
    for limits in (True, False):
        found += rounds("noteassist", ours, ours * 1.1, case=case, limits=limits)
        found += rounds("peer", peer, peer * 1.2, case=case, limits=limits)
    return found


def a_run(**more: object) -> dict[str, Any]:
    cases = both_forms("warm-list", 0.1, 2.0) + both_forms("detail", 1.0, 5.0) + both_forms("mix", 0.4, 2.0)
    for name, cost in ((BARE, 0.02), (PLAIN, 0.05), (CLIENT, 0.09), ("noteassist", 0.1)):
        cases += rounds(name, cost, cost, case="ceilings", limits=True)
    growth = [
        row
        for target, cost in (("100 notes", 1.0), ("10,000 notes", 1.1), ("100,000 notes", 1.2))
        for row in rounds(target, cost, cost, case="list")
    ]
    moments = tuple(Moment(number * 50_000, 150.0 + number, 120.0) for number in range(21))
    made = {
        "at": "2026-11-22T00:00:00Z",
        "took_seconds": 700,
        "machine": {
            "processors": 2,
            "model": "",
            "python": "3.11.7",
            "system": "Linux 6.18",
            "packages": {"flask": "3.1.3"},
            "servers": {"postgres": "15.20", "redis": "7.0"},
            "load_before": 0.1,
        },
        "settings": {"peer": [{"PEER_CACHE": "1"}]},
        "rounds": 2,
        "seconds": 3.0,
        "data": "200x50x4x5",
        "cases": [row.as_dict() for row in cases],
        "sizes": {"noteassist": SIZES, "peer": SIZES},
        "growth": [row.as_dict() for row in growth],
        "memory": MemoryRun(moments).as_dict(),
    }
    return orjson.loads(orjson.dumps(made | more))  # type: ignore[no-any-return]  # plain JSON


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Give a page with marks, a place for the picture and one for figures."""
    (tmp_path / "page.md").write_text(MARKS)
    (tmp_path / "results").mkdir()
    return tmp_path / "page.md", tmp_path / "picture.svg", tmp_path / "results"


def published(files: tuple[Path, Path, Path], kept: dict[str, Any]) -> str:
    run = files[0].parent / "run.json"
    run.write_bytes(orjson.dumps(kept))
    publish(run, *files)
    return files[0].read_text()


def test_a_block_is_replaced_and_what_stands_around_it_stays() -> None:
    text = block("a\n<!-- bench: x -->\nold\nolder\n<!-- end of x -->\nb\n", "x", "new \\1")

    assert text == "a\n<!-- bench: x -->\n\nnew \\1\n\n<!-- end of x -->\nb\n"
    assert block(text, "x", "new \\1") == text


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(BenchError, match="<!-- bench: x -->"):
        block("<!-- bench: y -->\n<!-- end of y -->", "x", "new")


def test_each_case_stands_beside_the_peer_with_its_ratio_and_its_requirement(
    files: tuple[Path, Path, Path],
) -> None:
    text = published(files, a_run())

    (warm,) = (line for line in text.splitlines() if line.startswith("| list, warm") and ">= 15x" in line)
    assert [cell.strip() for cell in warm.strip("|").split("|")] == [
        "list, warm",
        "0.105 (0.100-0.110)",
        "2.20 (2.00-2.40)",
        "20.9 (20.0-21.8)",
        "250",
        "250",
        "3.0",
        "3.0",
        "2.1",
        ">= 15x: met",
    ]
    assert ">= 10x: **not met**" in text
    assert text.index("Limits on") < text.index("Limits off")
    assert text.count(">= 15x") == 1  # required with limits only


def test_a_peer_that_nobody_started_for_each_configuration_is_told(files: tuple[Path, Path, Path]) -> None:
    assert "ran as it was" not in published(files, a_run())
    assert "ran as it was in every row" in published(files, a_run(settings={"peer": []}))


def test_a_run_without_a_peer_says_so(files: tuple[Path, Path, Path]) -> None:
    cases = [row for row in a_run()["cases"] if row["target"] != "peer"]

    text = published(files, a_run(cases=cases, settings={"peer": []}))

    assert "There was no peer in this run." in text
    assert "ran as it was" not in text


def test_ceilings_users_growth_and_memory_stand_in_their_blocks(files: tuple[Path, Path, Path]) -> None:
    text = published(files, a_run())

    assert f"| {PLAIN} | 0.050 (0.050-0.050) | 250 | 2.0 (2.0-2.0) |" in text
    assert "| NoteAssist, limits on, never reached | 0.420 | 2.1 (2.0-2.2) | 3.0 |" in text
    assert "| list | 1.00 (1.00-1.00) | 1.10 (1.10-1.10) | 1.20 (1.20-1.20) | 1.20 (1.20-1.20) |" in text
    assert "| 1,000,000 | 170 | 120 |" in text
    assert "PSS +0.0%" in text
    assert "\nold\n" not in text


def test_what_a_run_has_not_measured_stays_as_it_was(files: tuple[Path, Path, Path]) -> None:
    text = published(files, a_run(cases=[], memory=None))

    assert text.count("\nold\n") == len(page.BLOCKS) - 1
    assert "1.20 (1.20-1.20)" in text
    assert [path.name for path in files[2].iterdir()] == ["growth.json"]
    assert not files[1].exists()


def test_a_run_that_has_measured_nothing_for_the_page_is_refused(files: tuple[Path, Path, Path]) -> None:
    with pytest.raises(BenchError, match="nothing that stands on the page"):
        published(files, a_run(cases=[], growth=[], memory=None))
    assert files[0].read_text() == MARKS


def test_the_figures_are_kept_with_the_page_and_give_it_again(files: tuple[Path, Path, Path]) -> None:
    text = published(files, a_run())
    kept = files[2] / "performance.json"

    publish(kept, *files)

    assert files[0].read_text() == text
    assert orjson.loads(kept.read_bytes()) == a_run()


def test_another_file_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[1]")
    with pytest.raises(BenchError, match="no kept run"):
        page.read_kept(tmp_path / "x.json")


def test_the_pages_marks_are_where_they_are_written() -> None:
    text = page.PAGE.read_text()
    assert all(f"<!-- bench: {name} -->" in text for name in page.BLOCKS)


def drawn() -> ET.Element:
    return ET.fromstring(bars(a_run()))


def test_the_picture_says_in_words_what_it_shows() -> None:
    picture = drawn()
    told = picture.find(f"{SVG}desc")

    assert picture.get("role") == "img"
    assert picture.get("aria-labelledby") == "title desc"
    assert picture.findtext(f"{SVG}title") == "Processor milliseconds per request: NoteAssist and the peer"
    assert told is not None
    assert "list, warm: NoteAssist 0.105 ms, the peer 2.20 ms" in str(told.text)


def test_each_case_has_two_bars_whose_ends_are_their_medians() -> None:
    found = {
        kind: [r for r in drawn().iter(f"{SVG}rect") if r.get("class") == kind] for kind in ("ours", "peer")
    }
    # The first one is the legend's.
    ours, peers = (float(found[kind][1].get("width", 0)) for kind in ("ours", "peer"))
    scale = Scale([0.02, 6.0])

    assert [len(rects) for rects in found.values()] == [4, 4]
    assert ours == pytest.approx(scale.x(0.105) - scale.x(0.01), abs=0.1)
    assert peers == pytest.approx(scale.x(2.2) - scale.x(0.01), abs=0.1)


def test_nothing_is_drawn_outside_of_the_picture() -> None:
    picture = drawn()
    width, height = map(float, picture.get("viewBox", "").split()[2:])

    for element in picture.iter():
        for name, most in (("x", width), ("x1", width), ("x2", width), ("y", height), ("y1", height)):
            assert 0 <= float(element.get(name, 0)) <= most


def test_each_power_of_ten_is_as_far_as_the_next() -> None:
    scale = Scale([0.02, 300.0])
    places = [scale.x(mark) for mark in scale.marks]

    assert scale.marks == pytest.approx([0.01, 0.1, 1, 10, 100, 1000])
    assert {round(b - a, 6) for a, b in pairwise(places)} == {round(places[1] - places[0], 6)}


def test_the_pictures_colours_change_with_the_page_around_it() -> None:
    assert "@media (prefers-color-scheme:dark)" in bars(a_run())


def test_a_run_without_a_peer_is_drawn_too() -> None:
    kept = a_run()
    kept["cases"] = [row for row in kept["cases"] if row["target"] != "peer"]

    assert "fewer" not in bars(kept)
