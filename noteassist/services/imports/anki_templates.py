"""What the two sides of a card show: Anki's templates, filled with the fields of a note (docs.ankiweb.net)."""

import re
from collections.abc import Mapping

TAG = re.compile(r"\{\{([#^/]?)([^{}]{1,300})\}\}")
# The innermost deletion; outer ones follow when it is resolved.
CLOZE = re.compile(r"\{\{c(\d{1,4})::((?:(?!\{\{c\d|\}\}).){0,5000})\}\}", re.DOTALL)
ANSWER_LINE = re.compile(r"<hr[^>]{0,100}id=[\"']?answer[\"']?[^>]{0,100}>", re.IGNORECASE)
CLOZE_DEPTH = 5


def front_side(template: str, values: Mapping[str, str], number: int) -> str:
    """Fill the front of a card; `number` is the cloze deletion that is asked for."""
    return _filled(template, values, number, is_answer=False)


def back_side(template: str, values: Mapping[str, str], number: int) -> str:
    """Fill the back of a card, without the repetition of the front."""
    alone = re.sub(r"\{\{\s*FrontSide\s*\}\}", "", template)
    return ANSWER_LINE.sub("", _filled(alone, values, number, is_answer=True))


def _filled(template: str, values: Mapping[str, str], number: int, *, is_answer: bool) -> str:
    shown: list[str] = []
    conditions: list[tuple[str, bool]] = []
    parts = TAG.split(template)
    for index in range(0, len(parts), 3):
        if all(holds for _, holds in conditions):
            shown.append(parts[index])
        if index + 2 >= len(parts):
            break
        sign, words = parts[index + 1], parts[index + 2].strip()
        if sign in {"#", "^"} and len(conditions) < 50:
            conditions.append((words, _is_filled(values, words, number) == (sign == "#")))
        elif sign == "/" and conditions and conditions[-1][0] == words:
            conditions.pop()
        elif not sign and all(holds for _, holds in conditions):
            shown.append(_field(words, values, number, is_answer=is_answer))
    return "".join(shown)


def _is_filled(values: Mapping[str, str], name: str, number: int) -> bool:
    if re.fullmatch(r"c\d+", name):
        return name == f"c{number}"
    return bool(re.sub(r"<(?!img)[^>]{0,200}>|&nbsp;|\s", "", values.get(name, "")))


def _field(words: str, values: Mapping[str, str], number: int, *, is_answer: bool) -> str:
    *filters, name = [word.strip() for word in words.split(":")]
    value = values.get(name, "")
    if "cloze" in filters:
        return cloze(value, number, is_answer=is_answer)
    if "type" in filters and not is_answer:
        return ""
    return value


def cloze(text: str, number: int, *, is_answer: bool) -> str:
    """Show a text with deletions: the one asked for as its hint or `[...]`, and in the answer in bold."""

    def shown(match: re.Match[str]) -> str:
        words, _, hint = match[2].partition("::")
        if int(match[1]) != number:
            return words
        return f"<b>{words}</b>" if is_answer else f"[{hint or '...'}]"

    for _ in range(CLOZE_DEPTH):
        text, count = CLOZE.subn(shown, text)
        if not count:
            break
    return text
