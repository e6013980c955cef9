"""Make a code skeleton for a task: it runs as it is, and the student fills it in."""

import json
import re
import textwrap
from functools import cache
from importlib import resources
from typing import Any

from noteassist.services.ai.offline.inline import escaped, one_line
from noteassist.services.ai.offline.naming import kind_of_input, name_of
from noteassist.services.ai.offline.wording import Phrases, phrases_for

LEVELS = ("beginner", "intermediate", "advanced")

_ALIASES = {
    "py": "python", "python3": "python", "js": "javascript", "node": "javascript", "ts": "typescript",
    "c++": "cpp", "cxx": "cpp", "c#": "csharp", "cs": "csharp", "golang": "go", "rs": "rust", "sh": "bash",
    "shell": "bash", "zsh": "bash", "rb": "ruby", "kt": "kotlin", "html5": "html", "sqlite": "sql",
    "postgresql": "sql", "mysql": "sql",
}  # fmt: skip
_LONGEST_TASK = 600
_LONGEST_MENTION = 160
_COMMENT_WIDTH = 84
_MARKER = re.compile(r"@([a-z_]+)@")
_LEVEL_LINE = re.compile(r"(beginner|advanced)\|(.*)")


def skeleton(prompt: str, *, programming_language: str, level: str, language: str = "en") -> str:
    """Make a skeleton in Markdown for the task: a paragraph, one fenced program, and the next steps.

    The program runs as it is in the languages that have a template; for another one there is a plan in
    comments. The task stands in line comments only, without anything that could end them. `level` is
    beginner, intermediate or advanced; `language` is that of the fixed words (BCP 47). Raises ValueError
    for another level.
    """
    if level not in LEVELS:
        raise ValueError(f"There is no level {level!r}.")
    phrases = phrases_for(language)
    code_language = _canonical(programming_language)
    is_known = code_language in _dialects()
    intro = phrases["skeleton_intro" if is_known else "skeleton_plan"][0]
    mention = f"“{escaped(one_line(prompt, _LONGEST_MENTION)) or '?'}”"
    code = (
        _filled(prompt, code_language, level, phrases, language)
        if is_known
        else _plan(prompt, level, phrases)
    )
    return "\n".join(
        [
            intro.replace("{task}", mention),
            "",
            f"```{code_language}",
            code,
            "```",
            "",
            f"## {phrases['next_heading'][0]}",
            "",
            *(f"- {step}" for step in phrases[f"next_{level}"]),
        ]
    )


def in_comment(text: str) -> str:
    """Make one line that can stand in a line comment of any language and in a Markdown fence.

    White space is folded and control characters go; what could end a comment, continue it on the next
    line or close a fence is spelled in another way.
    """
    line = one_line(text, _LONGEST_TASK)
    line = line.replace("\\", "/").replace("`", "'")
    line = line.replace("*/", "* /").replace("/*", "/ *").replace("?>", "? >").replace("<?", "< ?")
    line = line.replace("</", "< /").replace("-->", "- - >").replace("--!>", "- - ! >")
    while "--" in line or "??" in line:
        line = line.replace("--", "- -").replace("??", "? ?")
    return line


def _canonical(programming_language: str) -> str:
    """Give the name for the fence: of a known language, or what is harmless of another."""
    name = programming_language.strip().lower()
    name = _ALIASES.get(name, name)
    return re.sub(r"[^a-z0-9+#.-]", "", name)[:30] or "text"


@cache
def _dialects() -> dict[str, Any]:
    dialects: dict[str, Any] = json.loads(_template("dialects.json"))
    return dialects


@cache
def _template(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _filled(prompt: str, code_language: str, level: str, phrases: Phrases, language: str) -> str:
    dialect = _dialects()[code_language]
    words: dict[str, str] = {
        **dialect["values"][kind_of_input(prompt)],
        "name": _spelled(name_of(prompt), dialect["names"]),
        "heading": phrases["skeleton_heading"][0],
        "word": phrases["task"][0],
        "function": phrases["comment_function"][0],
        "sample_comment": phrases["comment_sample"][0],
        "check_comment": phrases["comment_check"][0],
        "edge_comment": phrases["comment_edge"][0],
        "language": re.sub(r"[^A-Za-z0-9-]", "", language)[:35] or "en",
    }
    repeated = {"task": _task_lines(prompt), "steps": _step_lines(phrases, level)}
    lines: list[str] = []
    for line in _template(f"{code_language}.txt").rstrip("\n").split("\n"):
        marked = _LEVEL_LINE.fullmatch(line)
        if marked and marked[1] != level:
            continue
        lines += _lines(marked[2] if marked else line, words, repeated)
    return "\n".join(lines)


def _lines(line: str, words: dict[str, str], repeated: dict[str, list[str]]) -> list[str]:
    """Fill one line of a template; a comment with several lines of text becomes several comments."""
    for purpose, texts in repeated.items():
        before, marker, after = line.partition(f"@{purpose}@")
        if marker:
            return [f"{before}{text}{after}" for text in texts]
    return [_MARKER.sub(lambda match: words[match[1]], line)]


def _task_lines(prompt: str) -> list[str]:
    return [f"  {line}" for line in textwrap.wrap(in_comment(prompt), _COMMENT_WIDTH)] or ["  ?"]


def _step_lines(phrases: Phrases, level: str) -> list[str]:
    steps = phrases[f"steps_{level}"]
    return [f"TODO {number}: {step}" for number, step in enumerate(steps, 1)]


def _spelled(words: tuple[str, ...], style: str) -> str:
    if style == "snake":
        return "_".join(words)
    if style == "words":
        return " ".join(words).capitalize()
    capitalised = "".join(word.capitalize() for word in words)
    return capitalised if style == "pascal" else words[0] + "".join(word.capitalize() for word in words[1:])


def _plan(prompt: str, level: str, phrases: Phrases) -> str:
    name = "_".join(name_of(prompt))
    lines = [f"# {phrases['task'][0]}:", *(f"# {line}" for line in _task_lines(prompt)), "#", f"# {name}:"]
    return "\n".join([*lines, *(f"# {step}" for step in _step_lines(phrases, level))])
