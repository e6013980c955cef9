"""What every AI provider is: asked a question, it writes an answer piece by piece, or says why not."""

import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from noteassist.services.ai.offline import Reference
from noteassist.services.ai.prompts import Prompt


@dataclass(frozen=True)
class Question:
    """What a tool was asked: `fields` are the caller's, `prompt` says it to a model.

    `references` are the student's own related notes, for the provider that knows nothing else.
    """

    tool: str
    fields: Mapping[str, str | None]
    language: str
    prompt: Prompt
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class Usage:
    """What an answer cost, in tokens."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def total(self) -> int:
        """Give both together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True)
class Piece:
    """A part of an answer as it arrives; the last ones say why it ended and what it cost."""

    text: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None


@dataclass(frozen=True)
class Completion:
    """A whole answer."""

    text: str
    usage: Usage


@dataclass(frozen=True)
class Deadline:
    """When to give up, on this process's monotonic clock."""

    seconds: float
    begun: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Give the seconds that are left, at least 0."""
        return max(0.0, self.begun + self.seconds - time.monotonic())


class ProviderError(Exception):
    """A call to a provider did not give an answer; `code` is for programs, the message for people."""

    code = "ai_provider_error"


class ProviderAway(ProviderError):
    """It cannot be reached, failed by itself, or broke off: another time it may work."""

    code = "ai_provider_away"


class ProviderTooSlow(ProviderAway):
    """It did not answer within the deadline."""

    code = "ai_timeout"


class ProviderBusy(ProviderError):
    """It asks to be left alone for `seconds`."""

    code = "ai_rate_limited"

    def __init__(self, message: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(message)


class ProviderMisconfigured(ProviderError):
    """The key, the model or the address is wrong: nothing works until the operator has changed that."""

    code = "ai_unavailable"

    def __init__(self, message: str, *, of_model: bool = False) -> None:
        """`of_model` says that only this model is refused; another one of the provider may do."""
        self.of_model = of_model
        super().__init__(message)


class QuestionRefused(ProviderError):
    """It will not answer this question, however often it is asked."""

    code = "ai_refused"


class BadAnswer(ProviderError):
    """It answered with something that is no answer: empty, cut short, or not what the protocol says."""

    code = "ai_bad_answer"


class Provider(ABC):
    """Somebody who answers questions; one object serves many threads."""

    name: str
    model: str

    @abstractmethod
    def stream(self, question: Question, deadline: Deadline) -> Generator[Piece]:
        """Write the answer piece by piece; raises ProviderError."""

    def complete(self, question: Question, deadline: Deadline) -> Completion:
        """Give the whole answer, checked; raises ProviderError."""
        reader = AnswerReader()
        with closing(self.stream(question, deadline)) as pieces:
            for piece in pieces:
                reader.take(piece)
        return reader.completion()


def storable(text: str) -> str:
    """Leave out NUL, and replace halves of surrogate pairs: neither can be stored."""
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class AnswerReader:
    """Puts an answer together from its pieces, and accepts it only when it is whole."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.finish_reason: str | None = None
        self.usage = Usage()

    def take(self, piece: Piece) -> str:
        """Take the next piece; gives its text as it can be kept."""
        text = storable(piece.text)
        self.parts.append(text)
        self.finish_reason = piece.finish_reason or self.finish_reason
        self.usage = piece.usage or self.usage
        return text

    def completion(self) -> Completion:
        """Give the answer; raises BadAnswer for one that is empty or was cut, ProviderAway for one that broke off."""
        text = "".join(self.parts).strip()
        if self.finish_reason is None:
            raise ProviderAway("The model's answer broke off.")
        if self.finish_reason != "stop":
            raise BadAnswer(f"The model stopped before the end ({self.finish_reason}).")
        if not text:
            raise BadAnswer("The model's answer was empty.")
        return Completion(text, self.usage)
