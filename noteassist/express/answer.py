"""What the ways of the express lane have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from wsgiref.types import WSGIEnvironment


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; `limit_headers` tell what is left of a limit that is narrower than the one of all requests."""

    status: str
    headers: Sequence[tuple[str, str]]
    body: Sequence[bytes]
    limit_headers: Mapping[str, str] | None = None


class Way(Protocol):
    """A kind of request that the lane knows."""

    def route_of(self, environ: WSGIEnvironment) -> str | None:
        """Name the route of a plain request, by its rule; None for one that is not of this kind."""

    def answer(self, environ: WSGIEnvironment) -> Answer | None:
        """Answer it, with a connection at hand; None where Flask has to look at it. Raises AppError."""
