"""The refusals of valid requests that are right: JSON Schema cannot say what they are about.

Each rule names a message or code and, where that can be told, which sent values deserve it. A request that is
valid by the document and refused for any other reason is a failure of the fuzz.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

Rule = Callable[[Any], bool]

CODES = {
    "invalid_cursor": "a cursor is made by the server",
    "idempotency_key_reused": "the key came with another request before",
    "invalid_token": "a mailed token is made by the server",
    "too_many_topics": "counted over several requests",
    "too_many_chapters": "counted over several requests",
    "drive_state_invalid": "the way back from Google has a state that the server made",
    "drive_code_invalid": "the code is Google's",
    "google_state_invalid": "the way back from Google has a state that the server made",
    "google_code_invalid": "the code is Google's",
    "import_unsupported": "what a file is, its bytes say",
    "import_unreadable": "the same",
    "import_unsafe": "the same",
    "import_too_large": "the same",
}


def whatever(value: Any) -> bool:
    """Accept the refusal of any value."""
    return True


def is_text(value: Any) -> bool:
    """Accept the refusal of texts."""
    return isinstance(value, str)


def has_control_characters(value: Any) -> bool:
    """Accept the refusal of texts with control characters."""
    return is_text(value) and bool(re.search(r"[\x00-\x1f\x7f]", value))


def shrinks(value: Any) -> bool:
    """Accept the refusal of texts whose length changes when white space is taken off or letters are composed."""
    return is_text(value) and value != " ".join(value.split())


def is_no_web_address(value: Any) -> bool:
    """Accept the refusal of what does not begin like a web address with a host."""
    try:
        parts = urlsplit(value)
        return parts.scheme not in {"http", "https"} or not parts.hostname or has_odd_letters(value)
    except ValueError:
        return True


def has_odd_letters(value: str) -> bool:
    """Tell whether a text has white space, control characters or no usable port."""
    return bool(re.search(r"[\s\x00-\x1f\x7f]", value)) or urlsplit(value).port == 0


MESSAGES: dict[str, Rule] = {
    r"NUL characters are not allowed\.": has_control_characters,
    r"Control characters are not allowed\.": has_control_characters,
    r"Length must be .*|Shorter than .*": shrinks,
    r"Not an http or https address\.": is_no_web_address,
    r"Not an IANA time zone.*|Not a BCP 47 language tag.*": is_text,
    # JSON Schema calls 1.0 an integer; the server takes whole numbers written as such.
    r"Not a valid integer\.": lambda value: isinstance(value, float) and value.is_integer(),
    r"Do not use your e-mail address as password\.|This is one of the most common passwords.*": is_text,
    r"This action (needs it|does not take it)\.": whatever,
    r"This has passed\.": is_text,
    r"Only white space\.": lambda value: is_text(value) and not value.strip(),
    r"Not the name of a programming language\.": is_text,
    r"This tool does not have this option\.": whatever,
    # What a topic or an output has in it.
    r"This topic has no text to .*|The topic's text is longer than .*": whatever,
    r"There is no code in this output\.|Missing data for required field\.": whatever,
    r"This topic has no code to run\.|.* cannot be run; .*": whatever,
    r"Either code or error is needed\.": whatever,
    r"The file is empty\.": whatever,
    # Which notes there are.
    r"You have no note \d+\.": whatever,
    # Which chapters and topics a note has.
    r"Name every one of the .*": whatever,
    r"There is no (chapter|topic) \d+ in this note\.": whatever,
    r"The (chapter|topic) \d+ stands here more than once\.": whatever,
    r"A chapter has at most \d+ topics\.|At most \d+ tags\.": whatever,
}


def is_foreseen(problem: Any, sent: dict[str, Any]) -> bool:
    """Tell whether a refusal is one of these; `sent` has the body as `json` and the parameters as `query`."""
    if not isinstance(problem, dict):
        return False
    if problem.get("code") in CODES:
        return True
    found = list(messages(problem.get("errors")))
    return bool(found) and all(is_explained(message, value_at(sent, path)) for path, message in found)


def messages(errors: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Give each message of a problem with the path to what it is about."""
    if isinstance(errors, dict):
        for name, inner in errors.items():
            yield from messages(inner, (*path, name))
    elif isinstance(errors, list):
        for message in errors:
            yield path, str(message)


def is_explained(message: str, value: Any) -> bool:
    """Tell whether a rule explains why this value got this message."""
    return any(re.fullmatch(pattern, message) and rule(value) for pattern, rule in MESSAGES.items())


def value_at(sent: Any, path: tuple[str, ...]) -> Any:
    """Give what was sent at a path, or None where nothing was."""
    for name in path:
        if isinstance(sent, dict):
            sent = sent.get(name)
        elif isinstance(sent, list) and name.isdigit() and int(name) < len(sent):
            sent = sent[int(name)]
        else:
            return None
    return sent
