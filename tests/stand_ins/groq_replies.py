"""What Groq answers to a question: the text, the bodies, the streams and the errors of its protocol."""

import hashlib
import random
import re
import time
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.stand_ins.wire import chunk

MODELS = ("openai/gpt-oss-120b", "openai/gpt-oss-20b", "qwen/qwen3.6-27b")
TIERS = ("auto", "on_demand", "flex", "performance")
JSON = "application/json"
EVENTS = "text/event-stream"
ERRORS = {
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("permissions_error", "permissions_error"),
    404: ("invalid_request_error", "model_not_found"),
    413: ("tokens", "rate_limit_exceeded"),
    422: ("invalid_request_error", "unprocessable_entity"),
    424: ("dependency_error", "failed_dependency"),
    429: ("tokens", "rate_limit_exceeded"),
    498: ("capacity_exceeded", "capacity_exceeded"),
    499: ("request_cancelled", "request_cancelled"),
    500: ("internal_server_error", "internal_server_error"),
    502: ("internal_server_error", "bad_gateway"),
    503: ("internal_server_error", "service_unavailable"),
}
SENTENCES = (
    "The **main idea** comes first, and every later step leans on it.",
    "A short example makes the rule easier to keep in mind.",
    "Compare both cases and write down where they differ.",
    "The exception is rare, but it decides most exam questions.",
    "Read the definition once more before the next chapter begins.",
    "Two of the terms sound alike and mean different things.",
    "In practice the `smaller` value is chosen for safety.",
    "A drawing of the whole process helps more than a list.",
    "Repeat the proof tomorrow without looking at this page.",
    "What remains open is answered at the end of the topic.",
)
LIMITS = {"requests": 14_400, "tokens": 300_000}
SLICES = 8
SECONDS_A_WORD = 0.002


class Refusal(Exception):
    """A request that Groq does not take."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Reply:
    """An answer that is not sent yet, whole until a fault spoils it."""

    number: int
    model: str = ""
    stream: bool = False
    text: str = ""
    finish_reason: str | None = "stop"
    prompt_tokens: int = 0
    with_usage: bool = False
    error: str = ""
    has_choices: bool = True
    # Only so many chunks, and nothing that says that the answer is whole.
    chunks: int | None = None
    # Another body than the model's answer.
    body: bytes | None = None
    status: int = 200
    content_type: str = JSON
    headers: dict[str, Any] = field(default_factory=dict)
    half_of_the_json: bool = False
    breaks_off: bool = False
    pause: float | None = None
    silence: float | None = None
    is_reset: bool = False

    @property
    def is_stream(self) -> bool:
        """Say whether it is sent as a stream of events."""
        return self.stream and self.body is None

    def words(self) -> list[str]:
        """Give the text in the pieces in which it is written; joined they are the text."""
        return re.findall(r"\S+\s*|^\s+", self.text)

    def fail(self, status: int, message: str) -> None:
        """Become the answer of a request that failed."""
        kind, code = ERRORS.get(status, ("invalid_request_error", "invalid_request"))
        self.status = status
        self.body = orjson.dumps({"error": {"message": message, "type": kind, "code": code}})

    def pieces(self) -> tuple[dict[str, Any], list[bytes]]:
        """Give the headers and the pieces in which the body is sent."""
        used = {name: self.number % limit for name, limit in LIMITS.items()}
        headers = {
            "content-type": EVENTS if self.is_stream else self.content_type,
            "x-request-id": f"req_{self.number}",
            **{f"x-ratelimit-limit-{name}": limit for name, limit in LIMITS.items()},
            **{f"x-ratelimit-remaining-{name}": LIMITS[name] - count for name, count in used.items()},
            "x-ratelimit-reset-requests": "6s",
            "x-ratelimit-reset-tokens": "7.66s",
            **self.headers,
        }
        if self.is_stream:
            return {**headers, "transfer-encoding": "chunked"}, self._stream()
        body = self._completion() if self.body is None else self.body
        headers["content-length"] = len(body)
        body = body[: len(body) // 2] if self.breaks_off else body
        size = -(-len(body) // SLICES) if self.pause else len(body)
        return headers, [body[at : at + size] for at in range(0, len(body), max(size, 1))]

    def _completion(self) -> bytes:
        choice: dict[str, Any] = {"index": 0, "message": {"role": "assistant", "content": self.text}}
        choice |= {"logprobs": None, "finish_reason": self.finish_reason}
        if self.chunks is not None:
            choice["message"]["content"] = "".join(self.words()[: max(0, self.chunks - 1)])
            choice["finish_reason"] = None
        body = orjson.dumps(
            {
                **self._beginning("chat.completion"),
                "choices": [choice] if self.has_choices else [],
                "usage": self._usage(),
                "x_groq": self._extra(),
            }
        )
        return body[: len(body) // 2] if self.half_of_the_json else body

    def _stream(self) -> list[bytes]:
        whole = self.chunks is None and not self.half_of_the_json
        events = self._events()
        if self.half_of_the_json:
            # Ended as a line, or no client would look at it.
            *before, broken = events[:3]
            events = [*before, broken[: len(broken) // 2] + b"\n\n"]
        pieces = [chunk(event) for event in events]
        if self.breaks_off:
            return pieces
        end = (chunk(b"data: [DONE]\n\n") if whole else b"") + chunk(b"")
        return [*pieces[:-1], pieces[-1] + end] if pieces else [end]

    def _events(self) -> list[bytes]:
        common = self._beginning("chat.completion.chunk")
        if not self.has_choices:
            return [_event({**common, "choices": []})] * 3
        first = {**common, "choices": [_choice({"role": "assistant", "content": ""})]}
        events = [_event({**first, "x_groq": {"id": f"req_{self.number}"}})]
        events += [_event({**common, "choices": [_choice({"content": word})]}) for word in self.words()]
        if self.chunks is not None:
            events = events[: self.chunks]
            if self.error:
                events.append(_event({**common, "choices": [_choice({})], "x_groq": self._extra()}))
            return events
        last = {"choices": [_choice({}, self.finish_reason)], "x_groq": self._extra(usage=self._usage())}
        events.append(_event({**common, **last}))
        if self.with_usage:
            events.append(_event({**common, "choices": [], "usage": self._usage()}))
        return events

    def _beginning(self, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.number}",
            "object": kind,
            "created": int(time.time()),
            "model": self.model,
            "system_fingerprint": "fp_stand_in",
        }

    def _extra(self, **more: Any) -> dict[str, Any]:
        return {"id": f"req_{self.number}", **more, **({"error": self.error} if self.error else {})}

    def _usage(self) -> dict[str, Any]:
        written = len(self.words())
        seconds = written * SECONDS_A_WORD
        return {
            "queue_time": 0.01,
            "prompt_tokens": self.prompt_tokens,
            "prompt_time": 0.005,
            "completion_tokens": written,
            "completion_time": seconds,
            "total_tokens": self.prompt_tokens + written,
            "total_time": 0.005 + seconds,
        }


def whole_reply(number: int, body: dict[str, Any], text: str | None) -> Reply:
    """Answer a question that was checked, with this text or with one that follows from the messages."""
    messages = body["messages"]
    reply = Reply(
        number=number,
        model=body["model"],
        stream=bool(body.get("stream")),
        text=usual_text(messages) if text is None else text,
        prompt_tokens=1 + sum(len(str(message.get("content") or "")) for message in messages) // 4,
        with_usage=bool((body.get("stream_options") or {}).get("include_usage")),
    )
    most = body.get("max_completion_tokens")
    words = reply.words()
    if most and len(words) > most:
        reply.text = "".join(words[:most])
        reply.finish_reason = "length"
    return reply


def usual_text(messages: list[dict[str, Any]]) -> str:
    """Write about sixty words of Markdown, the same for the same messages."""
    name = digest(messages)
    chosen = random.Random(name).sample(SENTENCES, 6)
    return f"## Notes {name[:60]}\n\n{' '.join(chosen[:3])}\n\n" + "\n".join(f"- {one}" for one in chosen[3:])


def digest(messages: Any) -> str:
    """Give the SHA-256 of messages, in hexadecimal digits; the order of their keys does not matter."""
    return hashlib.sha256(orjson.dumps(messages, option=orjson.OPT_SORT_KEYS)).hexdigest()


def check_key(authorization: str) -> None:
    """Raise Refusal for a missing key, and for one that begins with `bad`."""
    kind, _, key = authorization.partition(" ")
    if kind.lower() != "bearer" or not key or key.startswith("bad"):
        raise Refusal(401, "Invalid API Key")


def check_question(body: dict[str, Any]) -> None:
    """Raise Refusal for what Groq does not take."""
    model, messages, most = body.get("model"), body.get("messages"), body.get("max_completion_tokens")
    warmth = body.get("temperature")
    is_warmth = isinstance(warmth, int | float) and 0 <= warmth <= 2
    _demand(isinstance(model, str), "property 'model' is missing or no text")
    if model not in MODELS:
        raise Refusal(404, f"The model `{model}` does not exist or you do not have access to it.")
    _demand(isinstance(messages, list) and messages, "'messages' : minimum number of items is 1")
    for message in messages or ():
        _demand(isinstance(message, dict) and message.get("role"), "'messages' : a role is missing")
    _demand(body.get("n") in (None, 1), "'n' : number must be at most 1")
    _demand(body.get("stream") in (None, True, False), "'stream' : value must be a boolean")
    _demand(isinstance(body.get("stream_options") or {}, dict), "'stream_options' : must be an object")
    _demand(
        most is None or (isinstance(most, int) and most > 0), "'max_completion_tokens' : must be at least 1"
    )
    _demand(warmth is None or is_warmth, "'temperature' : must be between 0 and 2")
    _demand(body.get("service_tier") in (None, *TIERS), f"'service_tier' : must be one of {TIERS}")


def _demand(condition: object, message: str) -> None:
    if not condition:
        raise Refusal(400, message)


def _choice(delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


def _event(data: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % orjson.dumps(data)
