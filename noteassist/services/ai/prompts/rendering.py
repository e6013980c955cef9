"""Render the prompt files beside this module, so that a person can read and correct what is sent.

A file has front matter and sections. `## system` and `## user` are sent; a section `## level: beginner`
is the text that stands for `$level` when that level is asked for. In all of them

- `$level` is the chosen section of that name, `$level_name` what was chosen (`$language_name`: in English),
- `$topic_text` is what the student wrote in that field, between marker lines that it cannot contain,
- `$tag` is what the marker lines of this rendering have in common,
- `$content_fifth` is a fifth of the length of the student's text, in characters.

Each text is expanded once and the student's words are only ever inserted, so a `$` in them stays a `$`.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import resources

TOOLS = ("generate", "improve", "summarize", "code")

_REQUIRED = {
    "generate": ("topic", "level", "language"),
    "improve": ("content",),
    "summarize": ("content", "length", "format"),
    "code": ("prompt", "programming_language", "level"),
}
_OPTIONAL: dict[str, tuple[str, ...]] = {
    "generate": ("subject",),
    "improve": ("instructions", "language"),
    "summarize": ("language",),
    "code": (),
}
# What a student may write freely, and what the marker lines around it are called.
_LABELS = {
    "topic": "STUDENT TOPIC",
    "subject": "STUDENT SUBJECT",
    "content": "STUDENT TEXT",
    "instructions": "STUDENT WISH",
    "prompt": "STUDENT TASK",
    "programming_language": "STUDENT LANGUAGE",
}

_TAG_LENGTH = 16
_LONGEST_TAG_OF_A_LANGUAGE = 35  # BCP 47, section 4.4.1
_LONGEST_SUMMARY = 8000  # characters: what fits into summarize.md's max_tokens in most scripts

_SECTION = re.compile(r"^## (.+)\n", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\$([a-z][a-z_]+)")
_LANGUAGE = re.compile(r"^- (\S+): (.+)$", re.MULTILINE)

_LINE_BREAK = re.compile("\r\n?|[\u2028\u2029]")
# Control characters and lone surrogates; what reorders text on a screen; letters that no screen shows.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
)
_LOOKS_LIKE_A_MARKER = re.compile(
    r"(?<![<＜‹«《])[<＜‹«《]{2,}+"
    r"(\s*(?:END\s+)?STUDENT\s+(?:TOPIC|SUBJECT|TEXT|WISH|TASK|LANGUAGE)\b[^<＜‹«《>＞›»》\n]*+)"
    r"[>＞›»》]{2,}+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """Hold what is sent to a model: two texts, and the settings that belong to their version."""

    tool: str
    version: int
    system: str
    user: str
    temperature: float
    max_tokens: int


@dataclass(frozen=True, slots=True)
class _PromptFile:
    """Hold a prompt file: its front matter, and the texts of its sections by their headings."""

    version: int
    temperature: float
    max_tokens: int
    sections: dict[str, str]

    def options(self, name: str) -> list[str]:
        """List the values that `name` may have, in the order of the file; empty if it is no choice."""
        return [heading.partition(": ")[2] for heading in self.sections if heading.startswith(f"{name}: ")]


def render(tool: str, fields: Mapping[str, str | None]) -> Prompt:
    """Fill a tool's prompt; the same fields give the same texts. Other fields than the tool's are ignored.

    Lengths are the caller's to check. Raises KeyError for an unknown tool, a field that is missing
    (an optional one may be None, not absent), and a level, length or format that the prompt does not know.
    """
    file = _read_prompt(tool)
    given = _take_fields(tool, fields)
    chosen = _choose(tool, file, given)
    values = _describe(given) | {f"{name}_name": value for name, value in chosen.items()}
    language = given.get("language")
    values["language_name"] = "the language of the text" if language is None else language_name(language)
    values |= {name: _expand(file.sections[f"{name}: {value}"], values) for name, value in chosen.items()}
    return Prompt(
        tool=tool,
        version=file.version,
        system=_expand(file.sections["system"], values),
        user=_expand(file.sections["user"], values),
        temperature=file.temperature,
        max_tokens=file.max_tokens,
    )


def version_of(tool: str) -> int:
    """Give the version of a tool's prompt, a positive integer; raises KeyError for an unknown tool."""
    return _read_prompt(tool).version


def language_name(tag: str) -> str:
    """Name a BCP 47 tag's language in English: "pt-BR" is "Brazilian Portuguese", "fr-LU" "French (fr-LU)".

    An unknown one gives the tag with a note. Never raises: what cannot stand in a tag is left out.
    """
    tag = re.sub(r"[^A-Za-z0-9-]", "", tag.replace("_", "-"))[:_LONGEST_TAG_OF_A_LANGUAGE].strip("-") or "und"
    names = _read_languages()
    if name := names.get(tag.lower()):
        return name
    parts = tag.lower().split("-")
    shorter = ("-".join(parts[:count]) for count in range(len(parts) - 1, 0, -1))
    known = next((names[start] for start in shorter if start in names), None)
    return f"{known} ({tag})" if known else f"{tag} (a BCP 47 language tag)"


@cache
def _read_prompt(tool: str) -> _PromptFile:
    if tool not in TOOLS:
        raise KeyError(f"There is no tool {tool!r}; there are {', '.join(TOOLS)}.")
    _, front_matter, body = _read_text(tool).split("---\n", 2)
    settings = dict(line.split(": ", 1) for line in front_matter.splitlines())
    headings_and_texts = _SECTION.split(body)[1:]
    pairs = zip(headings_and_texts[::2], headings_and_texts[1::2], strict=True)
    return _PromptFile(
        version=int(settings["version"]),
        temperature=float(settings["temperature"]),
        max_tokens=int(settings["max_tokens"]),
        sections={heading: text.strip() for heading, text in pairs},
    )


@cache
def _read_languages() -> dict[str, str]:
    return {tag.lower(): name for tag, name in _LANGUAGE.findall(_read_text("languages"))}


def _read_text(name: str) -> str:
    return resources.files(__package__).joinpath(f"{name}.md").read_text(encoding="utf-8")


def _take_fields(tool: str, fields: Mapping[str, str | None]) -> dict[str, str | None]:
    """Take the tool's fields, cleaned; an optional one that is blank is None."""
    missing = [name for name in _REQUIRED[tool] if fields.get(name) is None]
    missing += [name for name in _OPTIONAL[tool] if name not in fields]
    if missing:
        raise KeyError(f"The prompt of {tool} is missing: {', '.join(missing)}.")
    required = {name: _clean(fields[name] or "") for name in _REQUIRED[tool]}
    return required | {name: _clean(fields[name] or "").strip() or None for name in _OPTIONAL[tool]}


def _clean(text: str) -> str:
    return _UNWANTED.sub("", _LINE_BREAK.sub("\n", text))


def _choose(tool: str, file: _PromptFile, given: Mapping[str, str | None]) -> dict[str, str]:
    """Choose one section for each name that has several."""
    wanted = {
        "level": given.get("level"),
        "length": given.get("length"),
        "format": given.get("format"),
        "subject": _find_family(file, given.get("subject") or ""),
        "language": "named" if given.get("language") else "own",
        "instructions": "given" if given.get("instructions") else "none",
    }
    chosen = {}
    for name, value in wanted.items():
        options = file.options(name)
        if options and value not in options:
            raise KeyError(f"The prompt of {tool} knows no {name} {value!r}, only {', '.join(options)}.")
        if options:
            chosen[name] = str(value)
    return chosen


def _find_family(file: _PromptFile, subject: str) -> str:
    """Find the first family in the file with a keyword that is in `subject`; accents and case do not count."""
    decomposed = unicodedata.normalize("NFKD", subject.casefold())
    plain = "".join(
        " " if letter.isspace() else letter for letter in decomposed if not unicodedata.combining(letter)
    )
    matching = (
        family
        for family in file.options("keywords")
        if _keywords(file.sections[f"keywords: {family}"]).search(plain)
    )
    return next(matching, "generic")


@cache
def _keywords(listed: str) -> re.Pattern[str]:
    """Compile a list of words and phrases with commas between; a `*` stands for any letters."""
    escaped = [re.escape(" ".join(word.split())).replace(r"\*", r"\w*") for word in listed.split(",")]
    return re.compile(rf"(?<!\w)(?:{'|'.join(escaped)})(?!\w)")


def _describe(given: Mapping[str, str | None]) -> dict[str, str]:
    """Make the values that carry the student's words, and what is told about them."""
    written = {
        name: _LOOKS_LIKE_A_MARKER.sub(r"[\1]", text)
        for name, text in given.items()
        if name in _LABELS and text is not None
    }
    tag = _make_tag(written)
    values = {f"{name}_text": _fence(_LABELS[name], tag, text) for name, text in written.items()}
    values |= {f"{name}_text": "none given" for name in _LABELS.keys() & given.keys() - written.keys()}
    fifth = round(min(len(written.get("content", "")) // 5, _LONGEST_SUMMARY), -1)
    return values | {"tag": tag, "content_fifth": str(max(fifth, 10))}


def _make_tag(written: Mapping[str, str]) -> str:
    """Derive from the texts a tag that is in none of them."""
    texts = "\0".join(f"{name}\0{written[name]}" for name in sorted(written))
    digest = sha256(texts.encode()).hexdigest()
    while digest[:_TAG_LENGTH] in texts.lower():
        digest = sha256(digest.encode()).hexdigest()
    return digest[:_TAG_LENGTH]


def _fence(label: str, tag: str, text: str) -> str:
    return f"<<<{label} {tag}>>>\n{text}\n<<<END {label} {tag}>>>"


def _expand(text: str, values: Mapping[str, str]) -> str:
    """Replace each placeholder, in one pass; raises KeyError for one without a value."""
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)
