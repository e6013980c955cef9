"""Work on Markdown that leaves code alone."""

import re
from collections.abc import Callable

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
INLINE_CODE = re.compile(r"(`{1,3}[^`\n]{1,500}`{1,3})")
SPECIAL = re.compile(r"([*`])|(?<!\w)(_)|(_)(?!\w)|(<)(?=[A-Za-z/!?])")
LINE_START = re.compile(r"^(\s{0,3})(#{1,6} |[-+] |> |(?:\d{1,9})[.)] |={3,}$|-{3,}$|\||~{3,})", re.MULTILINE)


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """Change each line of a text that is not in a fence, without its inline code."""
    lines: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = FENCE.match(line)
        if fence:
            is_end = mark is not None and mark[1].startswith(fence) and not line.strip().strip(fence[0])
            fence = "" if is_end else fence
            lines.append(line)
        elif mark is not None:
            fence = mark[1]
            lines.append(line)
        elif "`" not in line:
            lines.append(change(line))
        else:
            parts = INLINE_CODE.split(line)
            parts[::2] = [change(part) for part in parts[::2]]
            lines.append("".join(parts))
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Write plain text as Markdown that says just that."""
    marked = SPECIAL.sub(lambda match: f"\\{match[0]}", text)
    return LINE_START.sub(_escaped_start, marked)


def _escaped_start(match: re.Match[str]) -> str:
    space, mark = match[1], match[2]
    if mark[0].isdigit():
        return f"{space}{mark[:-2]}\\{mark[-2:]}"
    return f"{space}\\{mark}"


def fenced(code: str, language: str = "") -> str:
    """Write code as a fenced block; the fence is longer than any in the code."""
    longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
    fence = "`" * max(3, longest + 1)
    lines = code.strip("\n")
    return f"{fence}{language}\n{lines}\n{fence}"


def inline_code(text: str) -> str:
    """Write a few words of code within a line."""
    mark = "``" if "`" in text else "`"
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{mark}{pad}{text}{pad}{mark}"


def table(rows: list[list[str]]) -> str:
    """Write a table; the first row is its head, and every row gets as many cells as that one."""
    width = len(rows[0])
    lines = [_row(row, width) for row in rows]
    return "\n".join([lines[0], _row(["---"] * width, width), *lines[1:]])


def _row(cells: list[str], width: int) -> str:
    padded = [*cells[:width], *[""] * (width - len(cells))]
    return "| " + " | ".join(cell.replace("\n", " ").replace("|", "\\|").strip() for cell in padded) + " |"
