"""Code in colours: runs of text with the kind of each, for every format the same."""

import re
from collections.abc import Iterator
from functools import lru_cache

from pygments.lexer import Lexer  # type: ignore[import-untyped]
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
from pygments.lexers.special import TextLexer  # type: ignore[import-untyped]
from pygments.token import Comment, Generic, Keyword, Name, Number, Operator, String, _TokenType  # type: ignore[import-untyped]
from pygments.util import ClassNotFound  # type: ignore[import-untyped]

# Longer code is shown in one colour: the time for a page must have an end.
LONGEST = 50_000
PLAIN = ""
KINDS: tuple[tuple[_TokenType, str], ...] = (
    (Comment, "comment"),
    (String, "string"),
    (Number, "number"),
    (Keyword, "keyword"),
    (Operator.Word, "keyword"),
    (Name.Function, "name"),
    (Name.Class, "name"),
    (Name.Decorator, "name"),
    (Name.Tag, "keyword"),
    (Name.Attribute, "name"),
    (Name.Builtin, "builtin"),
    (Generic.Deleted, "string"),
    (Generic.Inserted, "number"),
    (Generic.Heading, "keyword"),
)
# On white paper and on a dark screen.
COLOURS = {
    "comment": ("#6a737d", "#8b949e"),
    "string": ("#1a6b35", "#a5d6a7"),
    "number": ("#0550ae", "#79c0ff"),
    "keyword": ("#a4262c", "#ff8c82"),
    "name": ("#6639ba", "#d2a8ff"),
    "builtin": ("#8a4600", "#ffb570"),
}


def highlight(code: str, language: str) -> Iterator[tuple[str, str]]:
    """Give the code in runs of (kind, text), where kind is a key of COLOURS or PLAIN; nothing is lost or added."""
    if len(code) > LONGEST:
        yield PLAIN, code
        return
    kind, text = PLAIN, ""
    for _, token, part in lexer_of(language).get_tokens_unprocessed(code):
        found = kind_of(token) if part.strip() else kind
        if found != kind and text:
            yield kind, text
            text = ""
        kind, text = found, text + part
    if text:
        yield kind, text


@lru_cache(maxsize=256)
def lexer_of(language: str) -> Lexer:
    """Find who reads a language; one that nobody knows is plain text."""
    name = re.split(r"[\s,{]", language.strip().lower(), maxsplit=1)[0]
    if not re.fullmatch(r"[a-z0-9+#._-]{1,40}", name):
        return TextLexer()
    try:
        return get_lexer_by_name(name)
    except ClassNotFound:
        return TextLexer()


@lru_cache(maxsize=1024)
def kind_of(token: _TokenType) -> str:
    """Give the kind of a token, or PLAIN."""
    return next((name for kind, name in KINDS if token in kind), PLAIN)
