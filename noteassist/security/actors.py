"""The caller of a service, as the guard found it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class KeyUse:
    """The API key that a request came with: what it may do, and how often."""

    key_id: int
    scopes: frozenset[str]
    requests_per_hour: int
    requests_per_day: int


@dataclass(frozen=True, slots=True)
class Actor:
    """A signed-in user. `data_version` and `notes_version` are those of the user's data when the request began.

    `session_ends` is when nobody is let in with this session any more, where that is known.

    One who came with an API key has no session: `session_id` is 0, and `key` says what the key may do.
    """

    user_id: int
    session_id: int
    role: str
    tier: str
    is_email_verified: bool
    data_version: int
    notes_version: int = 0
    session_ends: datetime | None = None
    key: KeyUse | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from: the device as the client names it, its IP address, and the request's own id."""

    device: str = ""
    ip: str = ""
    request_id: str = ""
