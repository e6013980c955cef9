"""What goes wrong at Google: each fault is a value; the stand-in says what it does to a step."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong with a call.

    `has_effect` says whether Google does first what it was asked to.
    """

    @property
    def has_effect(self) -> bool:
        """Say whether the call has its effect all the same."""
        return False


@dataclass(frozen=True)
class Fine(Fault):
    """Nothing goes wrong: for the second call of a step to be the one that does."""

    @property
    def has_effect(self) -> bool:
        """It has."""
        return True


@dataclass(frozen=True)
class Status(Fault):
    """An error with this status, for this `reason` in Google's words; Retry-After is sent only if given."""

    code: int
    reason: str = ""
    retry_after: str | int | None = None


@dataclass(frozen=True)
class LostSession(Fault):
    """The upload session is forgotten: 404 or 410, now and from now on."""

    code: int = 404


@dataclass(frozen=True)
class Expired(Fault):
    """Every access token has expired: 401, until it is renewed."""


@dataclass(frozen=True)
class CutBefore(Fault):
    """The connection is reset before anything is done."""


@dataclass(frozen=True)
class CutWhileSending(Fault):
    """The connection is reset as soon as so many bytes of the body have come; these have arrived."""

    after: int = 1000


@dataclass(frozen=True)
class CutMiddle(Fault):
    """The connection is closed in the middle: half of the chunk has arrived, or half of the answer leaves."""

    @property
    def has_effect(self) -> bool:
        """It has."""
        return True


@dataclass(frozen=True)
class CutAfter(Fault):
    """Everything is done, and then the connection is reset instead of an answer."""

    @property
    def has_effect(self) -> bool:
        """It has."""
        return True


@dataclass(frozen=True)
class Short(Fault):
    """Only so many bytes of the chunk are taken; the 308 says so."""

    keep: int = 1000


@dataclass(frozen=True)
class Html(Fault):
    """A page of HTML with 200, as a proxy on the way gives it: before Google was asked, or after it."""

    after: bool = False

    @property
    def has_effect(self) -> bool:
        """It has, if the page comes afterwards."""
        return self.after


@dataclass(frozen=True)
class Slow(Fault):
    """The answer comes after so many seconds, whoever still waits for it."""

    seconds: float = 3600.0

    @property
    def has_effect(self) -> bool:
        """It has."""
        return True


@dataclass(frozen=True)
class Trickle(Fault):
    """The answer comes byte by byte, with so many seconds between them."""

    pause: float = 0.1

    @property
    def has_effect(self) -> bool:
        """It has."""
        return True


@dataclass(frozen=True)
class WrongBytes(Fault):
    """The file that is made has other bytes than were sent."""

    @property
    def has_effect(self) -> bool:
        """It has, in its way."""
        return True


KINDS: dict[str, type[Fault]] = {kind.__name__: kind for kind in Fault.__subclasses__()}


def fault_of(description: dict[str, Any]) -> Fault:
    """Read {"kind": "Status", "code": 429, ...}; raises ValueError."""
    values = dict(description)
    kind = KINDS.get(values.pop("kind", ""))
    if kind is None:
        raise ValueError(f"the kind of a fault has to be one of {', '.join(KINDS)}")
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(str(error)) from error
