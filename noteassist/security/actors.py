"""The caller of a service, as the guard found it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """A signed-in user. `data_version` is that of the user's data when the request began."""

    user_id: int
    session_id: int
    role: str
    tier: str
    is_email_verified: bool
    data_version: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from: the device as the client names it, and its IP address."""

    device: str = ""
    ip: str = ""
