"""Texts for the tests: real ones, and those that strangers send to hurt."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from noteassist.services.demo import content

OPERATING_SYSTEMS = (Path(__file__).parents[2] / "data" / "operating_systems.md").read_text(encoding="utf-8")
REAL_TEXTS = {
    path.stem: path.read_text(encoding="utf-8")
    for folder in ("subjects", "notes")
    for path in sorted((Path(content.__file__).parent / folder).glob("*.md"))
}

_LONGEST, _SIZE = 60_000, 20_000
_PATTERNS = {
    "one letter": "a",
    "capitals": "A",
    "blank lines": "\n",
    "blanks": " ",
    "full stops": ".",
    "initials": "A. ",
    "questions": "? ",
    "ideographs": "水。",
    "emoji": "😀",
    "headings": "# a\n",
    "items": "- x\n",
    "numbered": "1. a\n",
    "quotes": "> ",
    "backticks": "` `` ",
    "fences": "```\n",
    "dollars": "$a ",
    "maths": "\\(",
    "open maths": "\\[\n",
    "stars": "**a ",
    "brackets": "[[[",
    "targets": "](",
    "tags": "<a ",
    "comments": "<!--\n",
    "pre": "<pre>\n\n",
    "pipes": "|",
    "tables": "|a|\n|-|\n",
    "commas": "a , ",
    "doubles": "the ",
    "quotation": '"',
    "addresses": "http://",
    "mails": "a@",
    "backslashes": "\\",
    "overrides": "\u202e",
    "nulls": "\x00",
    "carriage returns": "\r",
}
HOSTILE = {
    name: pattern * _LONGEST if len(pattern) == 1 else (pattern * _SIZE)[:_SIZE]
    for name, pattern in _PATTERNS.items()
}
HOSTILE["deeper and deeper"] = "\n".join(f"{' ' * (depth % 60)}- a" for depth in range(900))
HOSTILE["different sentences"] = " ".join(
    f"Wort{chr(97 + number % 26) * (number % 9)} w{number}." for number in range(1_500)
)
HOSTILE["levels"] = "\n".join(f"{'#' * (number % 6 + 1)} h{number}" for number in range(3_000))

_MARKDOWN = """
the the|i|a|\n|\n\n| |  |.|,|!|?| ,| .|- |* |1. |2. |10) |# |## |#|```|```py\n|~~~|$|$$|`|``|---|===|> |<b>|
<div>|</div>|<!--|-->|[x](y)|[a]: b|http://x.y/z|...|…|--|—|"|“|”|„|'|’|**|*|_|Hello|world|WORLD|水。|é|\t|    |
  \n|\\|\r\n|&amp;|:smile:|end.The|foo,bar|and|etc.|z. B.|is|we|of|• |+ |\u2028|\x0b|\x1c
"""
_pieces = st.sampled_from([*_MARKDOWN.split("|"), "|", "| a | b |\n|-|-|\n"])
markdown = st.lists(_pieces, max_size=30).map("".join) | st.text(max_size=200)
quick = settings(
    max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@contextmanager
def at_most(cpu_seconds: float) -> Iterator[None]:
    """Stop what runs inside after that much work of the processor; slow machines do not matter."""

    def stop(*_: object) -> None:
        raise AssertionError(f"more than {cpu_seconds} seconds of work")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, cpu_seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def code_of(markdown_text: str) -> str:
    """Give the content of the only fence of a text."""
    fences = re.findall(r"^```[^\n`]*\n(.*?)^```$", markdown_text, re.DOTALL | re.MULTILINE)
    assert len(fences) == 1
    return fences[0]
