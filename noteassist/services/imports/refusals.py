"""How an upload is refused as a whole."""

from noteassist.children.errors import Refused

UNSUPPORTED = "import_unsupported"
UNREADABLE = "import_unreadable"
UNSAFE = "import_unsafe"
TOO_LARGE = "import_too_large"


def unsupported(detail: str) -> Refused:
    """Refuse a file of a kind that is not read."""
    return Refused(UNSUPPORTED, detail)


def unreadable(detail: str) -> Refused:
    """Refuse a file that is damaged, locked or not what it seems."""
    return Refused(UNREADABLE, detail)


def unsafe(detail: str) -> Refused:
    """Refuse a file that was made to do harm, or is indistinguishable from such."""
    return Refused(UNSAFE, detail)


def too_large(detail: str) -> Refused:
    """Refuse what is more than is read at once."""
    return Refused(TOO_LARGE, detail)
