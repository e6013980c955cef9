"""What providers behind an SDK share: time-outs, the cut at the deadline, and errors in our words."""

import importlib
import json
import math
import random
import socket
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from noteassist.services.ai.base import (
    BadAnswer,
    Deadline,
    Piece,
    Provider,
    ProviderAway,
    ProviderBusy,
    ProviderMisconfigured,
    ProviderTooSlow,
    QuestionRefused,
)

CONNECT_SECONDS = 5.0
# Between two pieces of an answer; a model that thinks before it writes needs some time for the first one.
READ_SECONDS = 45.0
USUAL_PAUSE = 20.0
LONGEST_PAUSE = 86_400.0
MISCONFIGURED = frozenset({401, 403, 404})
REFUSED = frozenset({400, 413, 422})
NO_CAPACITY = 498  # Groq: the flexible tier is full just now


class NoCapacity(ProviderBusy):
    """There is no room for this kind of service just now."""


class SdkProvider(Provider):
    """A provider behind the SDK of the given name. The SDKs are made by one generator, and raise alike."""

    def __init__(self, *, name: str, sdk: str, model: str) -> None:
        self.name = name
        self.model = model
        # Imported with the first question: most servers never ask, and it takes a fifth of a second.
        self.sdk: Any = importlib.import_module(sdk)
        # The SDKs do not all stand on the same HTTP library, and let its errors through.
        self.transport: Any = transport_of(self.sdk)

    def timeout(self, deadline: Deadline) -> Any:
        """Give the time-outs of a call in the SDK's own terms."""
        return self.sdk.Timeout(min(READ_SECONDS, deadline.left), connect=CONNECT_SECONDS)

    def guarded(self, pieces: Generator[Piece], deadline: Deadline) -> Generator[Piece]:
        """Pass the pieces of one call on; every way in which it can go wrong becomes a ProviderError."""
        try:
            yield from pieces
            if deadline.left <= 0:
                raise ProviderTooSlow("The model did not finish in time.")
        except self.sdk.APIStatusError as error:
            raise self._status_error(error) from error
        except self.sdk.APITimeoutError as error:
            raise ProviderTooSlow("The model did not answer in time.") from error
        except (self.sdk.APIError, self.transport.HTTPError, OSError) as error:
            is_late = deadline.left <= 0 or isinstance(error, self.transport.TimeoutException)
            if is_late:
                raise ProviderTooSlow("The model did not finish in time.") from error
            raise ProviderAway("The line to the model broke.") from error
        except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, TypeError) as error:
            raise BadAnswer("The model's answer could not be read.") from error

    def _status_error(self, error: Any) -> Exception:
        status = error.status_code
        if status == 429:
            return ProviderBusy("The model is asked too often.", pause_of(error.response))
        if status == NO_CAPACITY:
            return NoCapacity("The model has no room just now.", random.uniform(5, 15))
        if status in MISCONFIGURED:
            return ProviderMisconfigured(
                f"The provider {self.name} refuses our key or model ({status}).", of_model=status == 404
            )
        if status in REFUSED:
            return QuestionRefused(f"The model does not take this ({status}): {_message(error)}")
        return ProviderAway(f"The provider {self.name} has trouble ({status}).")


def pause_of(response: Any) -> float:
    """Read for how long not to ask, at most a day; the SDK would ignore more than a minute."""
    try:
        seconds = float(response.headers["retry-after"])
    except (KeyError, ValueError):
        return USUAL_PAUSE
    return USUAL_PAUSE if math.isnan(seconds) else max(1.0, min(seconds, LONGEST_PAUSE))


def _message(error: Any) -> str:
    body = error.body if isinstance(error.body, dict) else {}
    inner = body.get("error", body)
    message = inner.get("message", "") if isinstance(inner, dict) else ""
    return str(message)[:200]


def transport_of(sdk: Any) -> Any:
    """Give the HTTP library that an SDK stands on (httpx or its successor): its errors come through unchanged."""
    modules = [base.__module__.partition(".")[0] for base in sdk.DefaultHttpxClient.__mro__]
    return importlib.import_module(next(name for name in modules if name.startswith("httpx")))


@contextmanager
def cut_after(seconds: float, response: Any) -> Iterator[None]:
    """Shut the socket of a streaming response (of httpx or its like) when the block takes longer than that.

    A reading time-out bounds the silence between two bytes; one who sends a comment now and then is never silent.
    So a timer shuts the socket, and the reader gets an end or an error.
    """
    timer = threading.Timer(seconds, _cut, [response])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(response: Any) -> None:
    stream = response.extensions.get("network_stream")
    line = stream.get_extra_info("socket") if stream is not None else None
    if line is not None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
