"""What is on the Anki card of a topic."""

import html
from collections.abc import Mapping
from typing import Any

from noteassist.services.exports.documents import TOPIC, Code, Prose, Source, one_line, parts_of
from noteassist.services.exports.prose_html import code_html, prose_html, sanitised, source_html


def write_cards(note: Mapping[str, Any]) -> list[list[str]]:
    """Write the fields of each topic of a note (`anki.FIELDS`), in order, as safe HTML."""
    chapters = note["chapters"]
    topics = [(chapter["title"], topic) for chapter in chapters for topic in chapter["topics"]]
    parts = [parts_of(topic, str(number), TOPIC) for number, (_, topic) in enumerate(topics)]
    texts = [block for blocks in parts for block in blocks if isinstance(block, Prose)]
    prose = iter(prose_html(texts, 0))
    cards = []
    for (chapter, topic), blocks in zip(topics, parts, strict=True):
        names = (topic["name"], chapter, note["title"])
        card = [html.escape(one_line(name)) for name in names]
        explanation = "".join(next(prose) for block in blocks if isinstance(block, Prose))
        code = "".join(code_html(block.code, block.language) for block in blocks if isinstance(block, Code))
        source = "".join(source_html(block) for block in blocks if isinstance(block, Source))
        cards.append([*card, *map(sanitised, (explanation, code, source))])
    return cards
