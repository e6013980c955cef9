"""What other programs keep beside a text, such as its author: kept as a list that the note opens with."""

from collections.abc import Mapping

from noteassist.services.imports.drafts import Draft


def add_properties(draft: Draft, properties: Mapping[str, str]) -> None:
    """Put a list of properties over the text that a draft opens with; nothing where there are none."""
    if not properties:
        return
    content = "\n".join(f"- **{name}:** {value}" for name, value in properties.items())
    first: Draft = {"name": draft["title"], "explanation": {"content": content}}
    draft["chapters"].insert(0, {"title": draft["title"], "topics": [first]})
    _join_opening(draft)


def _join_opening(draft: Draft) -> None:
    """Put the properties over the text that the page opens with, if that has a chapter of the same name."""
    if len(draft["chapters"]) < 2 or draft["chapters"][1]["title"] != draft["title"]:
        return
    second = draft["chapters"].pop(1)
    opening, first = second["topics"], draft["chapters"][0]["topics"][0]
    if opening and opening[0]["name"] == draft["title"]:
        text = (opening.pop(0).get("explanation") or {}).get("content", "")
        first["explanation"]["content"] += f"\n\n{text}" if text else ""
    draft["chapters"][0]["topics"] += opening
