"""What goes wrong with a model's answers: each fault is a value that says how it spoils a reply."""

from dataclasses import dataclass
from typing import Any

from tests.stand_ins.groq_replies import Reply

PAGE = (
    b"<!doctype html>\n<html><head><title>One moment</title></head><body>Checking the browser</body></html>\n"
)
LONG = 3600.0


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong with an answer."""

    @property
    def outcome(self) -> str:
        """Give the name under which a spoilt call is recorded."""
        return type(self).__name__

    def spoil(self, reply: Reply) -> None:
        """Change a whole reply."""
        raise NotImplementedError


@dataclass(frozen=True)
class Status(Fault):
    """Another status than 200, with the error that belongs to it; `retry-after` is sent only if given."""

    code: int
    retry_after: float | str | None = None
    message: str = "The stand-in was told to fail."

    @property
    def outcome(self) -> str:
        """Give the status: `Status 429`."""
        return f"Status {self.code}"

    def spoil(self, reply: Reply) -> None:
        """Answer with the error."""
        reply.fail(self.code, self.message)
        if self.retry_after is not None:
            reply.headers["retry-after"] = self.retry_after


@dataclass(frozen=True)
class Hang(Fault):
    """Silence, until the client leaves or these seconds have passed; then the connection is closed."""

    seconds: float = LONG

    def spoil(self, reply: Reply) -> None:
        """Say nothing."""
        reply.silence = self.seconds


@dataclass(frozen=True)
class Refuse(Fault):
    """The connection is reset instead of an answer."""

    def spoil(self, reply: Reply) -> None:
        """Reset the connection."""
        reply.is_reset = True


@dataclass(frozen=True)
class CutStream(Fault):
    """The connection is closed after so many chunks, or in the middle of an answer that is no stream.

    The first chunk of a stream carries the role alone.
    """

    after_chunks: int = 3

    def spoil(self, reply: Reply) -> None:
        """Close early."""
        reply.chunks = self.after_chunks
        reply.breaks_off = True


@dataclass(frozen=True)
class EndWithoutDone(Fault):
    """The answer ends after so many chunks as HTTP wants it, without a finish reason and without [DONE]."""

    after_chunks: int = 3

    def spoil(self, reply: Reply) -> None:
        """End early."""
        reply.chunks = self.after_chunks


@dataclass(frozen=True)
class StreamError(Fault):
    """After so many chunks one more carries `x_groq.error`, and the answer ends without a finish reason."""

    after_chunks: int = 3
    message: str = "The stand-in was told to stop early."

    def spoil(self, reply: Reply) -> None:
        """Stop early, and say why."""
        reply.chunks = self.after_chunks
        reply.error = self.message


@dataclass(frozen=True)
class EmptyChoices(Fault):
    """Answers without a choice in them."""

    def spoil(self, reply: Reply) -> None:
        """Take the choices away."""
        reply.has_choices = False


@dataclass(frozen=True)
class EmptyText(Fault):
    """A whole answer that says nothing."""

    def spoil(self, reply: Reply) -> None:
        """Take the text away."""
        reply.text = ""


@dataclass(frozen=True)
class FinishReason(Fault):
    """A whole answer that ended for this reason: `length`, `content_filter`, ..."""

    reason: str | None

    def spoil(self, reply: Reply) -> None:
        """Give the reason."""
        reply.finish_reason = self.reason


@dataclass(frozen=True)
class HtmlPage(Fault):
    """A page of HTML with status 200, as a proxy on the way gives it."""

    def spoil(self, reply: Reply) -> None:
        """Give the page instead."""
        reply.body = PAGE
        reply.content_type = "text/html; charset=utf-8"


@dataclass(frozen=True)
class CutJson(Fault):
    """Half of the JSON with status 200; in a stream two whole chunks, and half of the third one's JSON."""

    def spoil(self, reply: Reply) -> None:
        """Send half of it."""
        reply.half_of_the_json = True


@dataclass(frozen=True)
class SlowStream(Fault):
    """A whole answer with these seconds between its chunks, or between the eighths of one that is no stream."""

    seconds_between: float

    def spoil(self, reply: Reply) -> None:
        """Be slow."""
        reply.pause = self.seconds_between


KINDS: dict[str, type[Fault]] = {kind.__name__: kind for kind in Fault.__subclasses__()}
# What a real provider has on a bad day.
MIXTURE: tuple[Fault, ...] = (
    Status(429, retry_after=1),
    Status(429),
    Status(498),
    Status(500),
    Status(502),
    Status(503),
    Hang(20),
    Refuse(),
    CutStream(),
    EndWithoutDone(),
    StreamError(),
    EmptyChoices(),
    EmptyText(),
    HtmlPage(),
    CutJson(),
    SlowStream(0.1),
)


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
