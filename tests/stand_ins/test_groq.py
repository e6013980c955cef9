"""The stand-in for Groq, seen through the real SDK and through plain HTTP."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from subprocess import PIPE
from typing import Any

import groq as sdk
import httpx
import pytest

from tests import servers
from tests.live import eventually
from tests.stand_ins import groq as stand_in
from tests.stand_ins import groq_faults as faults
from tests.stand_ins.groq import CHAT, MODELS, GroqStandIn

HELLO: dict[str, Any] = {"model": MODELS[0], "messages": [{"role": "user", "content": "hello"}]}
# Without the certificates, whose loading takes longer than the tests.
PLAIN: Any = {"verify": False, "trust_env": False}
KEY = {"Authorization": "Bearer key"}
WRONG = (
    'model=null model=7 messages=[] messages=7 messages=[{}] n=2 stream="yes" stream_options="usage"'
    ' temperature=3 temperature="warm" max_completion_tokens=0 service_tier="best"'
)
Ask = Callable[..., Any]


@pytest.fixture
def groq() -> Iterator[GroqStandIn]:
    with GroqStandIn() as started:
        yield started


@pytest.fixture
def web(groq: GroqStandIn) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=groq.url, headers=KEY, **PLAIN) as client:
        yield client


@pytest.fixture
def ask(groq: GroqStandIn) -> Iterator[Ask]:
    """Ask through the SDK."""
    with (
        httpx.Client(**PLAIN) as http,
        sdk.Groq(api_key="key", base_url=groq.url, max_retries=0, http_client=http, timeout=5) as client,
    ):
        yield lambda **more: client.chat.completions.create(**{**HELLO, **more})


def chunks(ask: Ask) -> Iterator[Any]:
    # Closed by hand: a stream that is left to the garbage collector locks its client for ever.
    with ask(stream=True) as stream:
        yield from stream


def streamed_text(ask: Ask) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks(ask))


def raised(action: Callable[[], Any]) -> Exception:
    with pytest.raises(Exception) as caught:
        action()
    return caught.value


def test_an_answer_is_whole(ask: Ask) -> None:
    answer = ask()
    choice = answer.choices[0]
    assert (answer.object, answer.model, answer.id) == ("chat.completion", MODELS[0], "chatcmpl-1")
    assert (choice.index, choice.message.role, choice.finish_reason) == (0, "assistant", "stop")
    assert choice.message.content.startswith("## ")
    assert 50 <= answer.usage.completion_tokens <= 80
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.queue_time and answer.x_groq.id


def test_the_same_question_has_the_same_answer_and_another_one_has_another(ask: Ask) -> None:
    other = [{"role": "user", "content": "hullo"}]
    texts = [ask().choices[0].message.content, ask().choices[0].message.content, streamed_text(ask)]
    assert len(set(texts)) == 1
    assert ask(messages=other).choices[0].message.content != texts[0]


def test_a_stream_begins_with_the_role_and_ends_with_reason_and_usage(groq: GroqStandIn, ask: Ask) -> None:
    groq.answer(" Two\n\n**words** ")
    first, *middle, last = chunks(ask)
    assert (first.object, first.choices[0].delta.role) == ("chat.completion.chunk", "assistant")
    assert [chunk.choices[0].delta.content for chunk in middle] == [" ", "Two\n\n", "**words** "]
    assert {chunk.choices[0].finish_reason for chunk in (first, *middle)} == {None}
    assert (last.choices[0].finish_reason, last.x_groq.usage.completion_tokens) == ("stop", 3)


def test_a_stream_is_sent_as_events_and_says_that_it_is_done(web: httpx.Client) -> None:
    answer = web.post(CHAT, json={**HELLO, "stream": True, "stream_options": {"include_usage": True}})
    *events, done, rest = answer.text.split("\n\n")
    assert answer.headers["content-type"] == "text/event-stream"
    assert (done, rest) == ("data: [DONE]", "")
    last = json.loads(events[-1].removeprefix("data: "))
    assert (last["choices"], last["usage"]["prompt_tokens"]) == ([], 2)


def test_chunks_come_one_by_one(groq: GroqStandIn, ask: Ask) -> None:
    groq.answer("one two")
    groq.delay, groq.token_delay = 0.2, 0.1
    begin = time.monotonic()
    times = [time.monotonic() - begin for _ in chunks(ask)]
    assert all(seen > due - 0.02 for seen, due in zip(times, (0.2, 0.3, 0.4, 0.5), strict=True))
    assert times[-1] - times[0] > 0.2


def test_an_answer_is_no_longer_than_allowed(ask: Ask) -> None:
    choice = ask(max_completion_tokens=3).choices[0]
    assert (len(choice.message.content.split()), choice.finish_reason) == (3, "length")


def test_limits_are_told_and_what_remains_of_them_shrinks(web: httpx.Client) -> None:
    first, second = (web.post(CHAT, json=HELLO).headers for _ in range(2))
    for name in ("requests", "tokens"):
        assert int(first[f"x-ratelimit-limit-{name}"]) > int(first[f"x-ratelimit-remaining-{name}"])
        assert first[f"x-ratelimit-remaining-{name}"] != second[f"x-ratelimit-remaining-{name}"]
        assert first[f"x-ratelimit-reset-{name}"].endswith("s")
    assert first["x-request-id"] != second["x-request-id"]


def test_a_connection_is_used_again(web: httpx.Client) -> None:
    answers = [web.post(CHAT, json={**HELLO, "stream": stream}) for stream in (False, True, False)]
    ports = {answer.extensions["network_stream"].get_extra_info("client_addr") for answer in answers}
    assert len(ports) == 1


def test_models_are_listed(web: httpx.Client) -> None:
    assert [model["id"] for model in web.get("/openai/v1/models").json()["data"]] == list(MODELS)


@pytest.mark.parametrize("authorization", ["", "Bearer bad-key", "Bearer", "Basic key"])
def test_a_wrong_key_is_refused(web: httpx.Client, authorization: str) -> None:
    wrong = {"Authorization": authorization}
    answers = [web.post(CHAT, json=HELLO, headers=wrong), web.get("/openai/v1/models", headers=wrong)]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json()["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize("model", ["llama-3.3-70b-versatile", "gpt-9"])
def test_a_model_that_is_not_there_is_not_found(ask: Ask, model: str) -> None:
    error = raised(lambda: ask(model=model))
    assert isinstance(error, sdk.NotFoundError)
    assert error.body["error"]["code"] == "model_not_found"  # type: ignore[index]


@pytest.mark.parametrize("wrong", WRONG.split())
def test_a_wrong_question_is_refused(web: httpx.Client, wrong: str) -> None:
    name, _, value = wrong.partition("=")
    answer = web.post(CHAT, json={**HELLO, name: json.loads(value)})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_object_is_refused(web: httpx.Client, body: bytes) -> None:
    assert web.post(CHAT, content=body).status_code == 400


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("code", [400, 401, 403, 404, 413, 422, 424, 429, 498, 499, 500, 502, 503])
def test_a_status_reaches_the_client(groq: GroqStandIn, ask: Ask, code: int, stream: bool) -> None:
    groq.next(faults.Status(code, message="no luck"), faults.Status(code, retry_after=7))
    error, later = raised(lambda: ask(stream=stream)), raised(lambda: ask(stream=stream))
    assert isinstance(error, sdk.APIStatusError) and isinstance(later, sdk.APIStatusError)
    assert error.status_code == code
    assert error.body["error"]["message"] == "no luck"  # type: ignore[index]
    assert error.body["error"].keys() == {"message", "type", "code"}  # type: ignore[index]
    assert [one.response.headers.get("retry-after") for one in (error, later)] == [None, "7"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_server_says_nothing_until_the_client_leaves(groq: GroqStandIn, ask: Ask, stream: bool) -> None:
    groq.next(faults.Hang())
    assert isinstance(raised(lambda: ask(stream=stream, timeout=0.2)), sdk.APITimeoutError)
    eventually(lambda: groq.left == 1, 1, "the client was not seen to leave")
    assert groq.calls[0].left and groq.calls[0].first_chunk is None


def test_a_silent_server_closes_the_connection_in_the_end(groq: GroqStandIn, ask: Ask) -> None:
    groq.next(faults.Hang(0.2))
    assert type(raised(ask)) is sdk.APIConnectionError
    assert ((groq.calls[0].ended or 0) - groq.calls[0].time > 0.18, groq.left) == (True, 0)


@pytest.mark.parametrize("stream", [False, True])
def test_a_refused_connection_is_reset(groq: GroqStandIn, web: httpx.Client, stream: bool) -> None:
    groq.next(faults.Refuse())
    with pytest.raises(httpx.ReadError, match="reset"):
        web.post(CHAT, json={**HELLO, "stream": stream})


def test_an_answer_is_cut(groq: GroqStandIn, ask: Ask) -> None:
    seen: list[Any] = []
    groq.always(faults.CutStream(4))
    assert isinstance(raised(lambda: seen.extend(chunks(ask))), httpx.RemoteProtocolError)
    assert len(seen) == 4
    assert isinstance(raised(ask).__cause__, httpx.RemoteProtocolError)


def test_a_stream_ends_as_if_nothing_were_missing(groq: GroqStandIn, ask: Ask, web: httpx.Client) -> None:
    groq.next(*(faults.EndWithoutDone(count) for count in (4, 4, 0, 3)))
    seen = list(chunks(ask))
    assert (len(seen), seen[-1].choices[0].finish_reason) == (4, None)
    assert "[DONE]" not in web.post(CHAT, json={**HELLO, "stream": True}).text
    assert list(chunks(ask)) == []
    choice = ask().choices[0]
    assert (len(choice.message.content.split()), choice.finish_reason) == (2, None)


def test_an_error_in_a_stream_is_told_by_its_last_chunk(groq: GroqStandIn, ask: Ask) -> None:
    groq.next(faults.StreamError(2, "over capacity"), faults.StreamError(2, "over capacity"))
    *before, last = chunks(ask)
    assert (len(before), last.x_groq.error, last.choices[0].finish_reason) == (2, "over capacity", None)
    assert ask().x_groq.error == "over capacity"


def test_choices_or_text_are_missing(groq: GroqStandIn, ask: Ask) -> None:
    groq.always(faults.EmptyChoices())
    assert (ask().choices, [chunk.choices for chunk in chunks(ask)]) == ([], [[], [], []])
    groq.always(faults.EmptyText())
    choice = ask().choices[0]
    assert (choice.message.content, choice.finish_reason, streamed_text(ask)) == ("", "stop", "")


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_an_answer_ends_for_another_reason(groq: GroqStandIn, ask: Ask, reason: str) -> None:
    groq.always(faults.FinishReason(reason))
    assert ask().choices[0].finish_reason == reason
    assert list(chunks(ask))[-1].choices[0].finish_reason == reason


def test_a_page_is_no_answer(groq: GroqStandIn, ask: Ask) -> None:
    groq.next(faults.HtmlPage(), faults.HtmlPage())
    assert ask().startswith("<!doctype html>")
    assert list(chunks(ask)) == []


def test_half_of_the_json_cannot_be_read(groq: GroqStandIn, ask: Ask) -> None:
    groq.always(faults.CutJson())
    assert isinstance(raised(ask), json.JSONDecodeError)
    assert isinstance(raised(lambda: list(chunks(ask))), json.JSONDecodeError)
    groq.answer("")
    assert isinstance(raised(lambda: list(chunks(ask))), json.JSONDecodeError)


def test_a_slow_answer_takes_its_time_and_is_whole(groq: GroqStandIn, ask: Ask) -> None:
    groq.answer("one two three")
    groq.next(faults.SlowStream(0.05), faults.SlowStream(0.05))
    begin = time.monotonic()
    texts = [streamed_text(ask), ask().choices[0].message.content]
    assert time.monotonic() - begin > 0.2 + 0.35 - 0.05
    assert texts == ["one two three"] * 2


def test_faults_come_in_their_order_and_then_no_more(groq: GroqStandIn, web: httpx.Client) -> None:
    groq.next(faults.Status(500), faults.Status(503))
    groq.next(faults.Status(429))
    assert [web.post(CHAT, json=HELLO).status_code for _ in range(4)] == [500, 503, 429, 200]
    assert groq.outcomes == {"Status 500": 1, "Status 503": 1, "Status 429": 1, "answered": 1}


def test_a_fault_stands_for_one_model_or_for_all(groq: GroqStandIn, web: httpx.Client) -> None:
    def statuses() -> list[int]:
        return [web.post(CHAT, json={**HELLO, "model": model}).status_code for model in MODELS[:2]]

    groq.always(faults.Status(503))
    groq.always(faults.Status(498), model=MODELS[1])
    assert [statuses(), statuses()] == [[503, 498]] * 2
    groq.always(None, model=MODELS[1])
    assert statuses() == [503, 503]
    groq.always(None)
    assert statuses() == [200, 200]


def test_faults_by_chance_are_the_same_for_the_same_seed(groq: GroqStandIn, web: httpx.Client) -> None:
    runs = []
    for seed in (1, 1, 2):
        groq.usually(0.5, (faults.Status(500), faults.Status(503)), seed=seed)
        runs.append([web.post(CHAT, json=HELLO).status_code for _ in range(40)])
    assert runs[0] == runs[1] != runs[2]
    assert {200, 500, 503} == set(runs[0])


def test_calls_are_recorded(groq: GroqStandIn, web: httpx.Client) -> None:
    web.post(CHAT, json={**HELLO, "stream": True})
    web.post(CHAT, json={**HELLO, "model": "gpt-9"})
    first, second = groq.calls
    assert (first.path, first.model, first.stream, first.outcome) == (CHAT, MODELS[0], True, "answered")
    assert (first.body, first.headers["authorization"]) == ({**HELLO, "stream": True}, "Bearer key")
    assert first.time <= (first.first_chunk or 0) <= time.time() < first.time + 2
    assert (first.digest, second.outcome) == (stand_in.digest(HELLO["messages"]), "Status 404")


def test_the_record_is_bounded_and_the_counts_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stand_in, "CALLS_KEPT", 3)
    monkeypatch.setattr(stand_in, "BODIES_KEPT", 2)
    with GroqStandIn() as groq:
        for _ in range(5):
            httpx.post(groq.url + CHAT, json=HELLO, headers=KEY, **PLAIN)
        assert [(call.number, bool(call.body)) for call in groq.calls] == [(3, False), (4, True), (5, True)]
        assert (groq.count, groq.outcomes) == (5, {"answered": 5})
        groq.clear()
        assert (groq.count, groq.calls, groq.outcomes) == (0, [], {})


def test_a_server_goes_down_and_comes_back(groq: GroqStandIn, ask: Ask) -> None:
    groq.token_delay = 0.05
    stream = chunks(ask)
    next(stream)
    groq.stop_listening()
    assert isinstance(raised(lambda: next(stream)), httpx.ReadError)
    assert isinstance(raised(ask).__cause__, httpx.ConnectError)
    groq.listen_again()
    assert (ask().choices[0].finish_reason, groq.left) == ("stop", 1)


def test_fifty_streams_are_whole_at_the_same_time(groq: GroqStandIn, ask: Ask) -> None:
    groq.token_delay = 0.002
    with ThreadPoolExecutor(50) as pool:
        texts = set(pool.map(lambda _: streamed_text(ask), range(50)))
    assert (texts, groq.outcomes) == ({stand_in.usual_text(HELLO["messages"])}, {"answered": 50})


def test_two_hundred_are_answered_at_the_same_time(groq: GroqStandIn) -> None:
    groq.delay = 1
    body = json.dumps(HELLO).encode()
    fields = f"authorization: Bearer key\r\ncontent-length: {len(body)}\r\n\r\n"
    with ExitStack() as clients:
        address = ("127.0.0.1", int(groq.url.rpartition(":")[2]))
        ends = [clients.enter_context(socket.create_connection(address, 5)) for _ in range(200)]
        for end in ends:
            end.sendall(f"POST {CHAT} HTTP/1.1\r\n{fields}".encode() + body)
        assert {end.recv(15) for end in ends} == {b"HTTP/1.1 200 OK"}
    assert max(call.time for call in groq.calls) < min(call.first_chunk or 0 for call in groq.calls)


def test_it_is_governed_over_http(groq: GroqStandIn, web: httpx.Client) -> None:
    busy = [{"kind": "Status", "code": 429, "retry_after": 1}]
    settings = {"text": "Set.", "delay": 0.01, "token_delay": 0.02, "faults": busy}
    assert web.post("/control/settings", json=settings).status_code == 200
    answers = [web.post(CHAT, json=HELLO) for _ in range(2)]
    assert (answers[0].status_code, answers[0].headers["retry-after"]) == (429, "1")
    assert answers[1].json()["choices"][0]["message"]["content"] == "Set."
    assert (groq.delay, groq.token_delay) == (0.01, 0.02)
    told = web.get("/control/calls?after=1").json()
    assert (told["count"], told["outcomes"]) == (2, {"Status 429": 1, "answered": 1})
    assert [call["digest"] for call in told["calls"]] == [stand_in.digest(HELLO["messages"])]
    web.post("/control/settings", json={"faults": busy, "probability": 1, "seed": 3})
    assert {web.post(CHAT, json=HELLO).status_code for _ in range(5)} == {429}
    web.post("/control/clear")
    assert web.get("/control/calls").json() == {"count": 0, "left": 0, "outcomes": {}, "calls": []}


@pytest.mark.parametrize("wrong", [{"kind": "Rain"}, {"kind": "Hang", "days": 1}, {"kind": "Status"}])
def test_a_wrong_setting_is_refused(web: httpx.Client, wrong: dict[str, Any]) -> None:
    assert web.post("/control/settings", json={"faults": [wrong]}).status_code == 400
    assert web.post("/control/settings", json={wrong["kind"]: 1}).status_code == 400


def test_a_defect_of_the_stand_in_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stand_in, "whole_reply", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError), GroqStandIn() as groq:
        raised(lambda: httpx.post(groq.url + CHAT, json=HELLO, headers=KEY, **PLAIN))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_runs_by_hand(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "text").write_text("Twice.")
    url = f"http://127.0.0.1:{(port := servers.free_port())}"
    options = f"--port {port} --delay 0.1 --text {tmp_path / 'text'} --faults 1 --seed 1".split()
    command = [sys.executable, "-m", "tests.stand_ins.groq", *options]
    with ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=PIPE, stderr=PIPE, text=True)
        )
        stack.callback(process.kill)
        assert process.stdout and process.stdout.readline() == f"{url}\n"
        web = stack.enter_context(httpx.Client(base_url=url, headers=KEY, **PLAIN))
        with suppress(httpx.HTTPError):
            web.post(CHAT, json=HELLO, timeout=0.4)
        web.post("/control/settings", json={"probability": 0})
        answer = web.post(CHAT, json=HELLO)
        outcomes = web.get("/control/calls").json()["outcomes"]
        process.send_signal(number)
        _, errors = process.communicate(timeout=5)
    assert answer.json()["choices"][0]["message"]["content"] == "Twice."
    assert (answer.elapsed.total_seconds() > 0.1, outcomes["answered"], len(outcomes)) == (True, 1, 2)
    assert (process.returncode, errors) == (0, "")
