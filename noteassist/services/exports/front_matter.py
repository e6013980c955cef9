"""The YAML at the top of a Markdown file."""

import re
from collections.abc import Mapping
from typing import Any

import yaml  # type: ignore[import-untyped]

from noteassist.services.exports.drafts import STATUSES, Draft
from noteassist.services.exports.times import shown_time

LONGEST = 65_536
BLOCK = re.compile(r"---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
# What other programs call the two times.
CREATED = ("created_at", "created", "date", "created_time")
UPDATED = ("updated_at", "updated", "modified", "last_modified", "lastmod")


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Writes YAML; a text with letters that end lines for YAML, or that nobody sees, is quoted and escaped."""


def _represent_text(dumper: _Dumper, text: str) -> Any:
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def write_front_matter(fields: Mapping[str, Any]) -> str:
    """Write fields; those that are None are left out."""
    given = {name: value for name, value in fields.items() if value is not None}
    return f"---\n{yaml.dump(given, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1000)}---\n"


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """Give the fields at the top of a text, and the rest of it; no fields where there are none to be read."""
    found = BLOCK.match(text)
    if found is None or len(found.group(1)) > LONGEST:
        return {}, text
    try:
        fields = yaml.safe_load(found.group(1))
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}, text
    if not isinstance(fields, dict):
        return {}, text
    return {str(name): value for name, value in fields.items()}, text[found.end() :]


def draft_fields(fields: Mapping[str, Any], *, verbatim: bool = False) -> Draft:
    """Take tags, status and times, whichever there are, as people and other programs write them.

    With `verbatim` tags are taken as they are written.
    """
    times = {"created_at": _first_time(fields, CREATED), "updated_at": _first_time(fields, UPDATED)}
    status = fields.get("status")
    return {
        "tags": _tags(fields.get("tags", fields.get("tag")), verbatim=verbatim),
        "status": status if status in STATUSES else "draft",
    } | {name: time for name, time in times.items() if time is not None}


def _first_time(fields: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    times = (shown_time(fields.get(name)) for name in names)
    return next((time for time in times if time is not None), None)


def _tags(value: Any, *, verbatim: bool) -> list[str]:
    """Read a list of tags, or a text with commas or spaces between them."""
    if isinstance(value, str):
        value = value.split(",") if "," in value else value.split()
    if not isinstance(value, list):
        return []
    tags = [str(tag).strip() for tag in value if isinstance(tag, str | int | float)]
    # People write #tag here, as they do in a text.
    return [tag if verbatim else tag.removeprefix("#") for tag in tags if tag.strip("#") or verbatim]
