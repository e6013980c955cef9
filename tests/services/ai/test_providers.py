"""Providers: whole answers are accepted with their cost, and every fault becomes the error that says what to do."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from noteassist.config import Settings
from noteassist.services.ai.base import (
    BadAnswer,
    Deadline,
    ProviderAway,
    ProviderBusy,
    ProviderError,
    ProviderMisconfigured,
    ProviderTooSlow,
    Question,
    QuestionRefused,
    Usage,
)
from noteassist.services.ai.prompts import render
from noteassist.services.ai.providers import Link, provider_of
from tests import servers
from tests.stand_ins.anthropic import AnthropicStandIn
from tests.stand_ins.groq import (
    CHAT,
    MODELS,
    CutJson,
    CutStream,
    EmptyChoices,
    EmptyText,
    EndWithoutDone,
    FinishReason,
    GroqStandIn,
    Hang,
    HtmlPage,
    Refuse,
    SlowStream,
    Status,
    StreamError,
)

FIELDS = {"content": "teh cell", "instructions": None, "language": None}
QUESTION = Question("improve", FIELDS, "en", render("improve", FIELDS))
LITTLE = 1.0


@pytest.fixture(scope="module")
def stand_in():
    """Give a provider for all tests."""
    with GroqStandIn() as started:
        yield started


@pytest.fixture
def groq(stand_in):
    """Give the provider as it is at first."""
    stand_in.clear()
    yield stand_in
    stand_in.always(None)
    stand_in.answer(None)


@pytest.fixture(params=["groq", "openai_compatible"])
def provider(request, groq):
    """Give each of the providers that speak the same protocol, in front of the same server."""
    settings = Settings(
        groq_base_url=groq.url,
        groq_api_key="gsk_tests",
        openai_base_url=f"{groq.url}/openai/v1",
        openai_api_key="sk-tests",
    )
    return provider_of(settings, Link(request.param, MODELS[0]))


def complete(provider, seconds=10.0):
    """Ask the question."""
    return provider.complete(QUESTION, Deadline(seconds))


def test_a_whole_answer_comes_with_its_cost(provider, groq):
    answer = complete(provider)
    assert answer.text.startswith("## Notes ") and len(answer.text.split()) > 30
    assert answer.usage.prompt_tokens > 100 and answer.usage.completion_tokens > 30


def test_the_question_is_sent_as_the_prompt_says_it(provider, groq):
    complete(provider)
    (call,) = groq.calls
    assert (call.path, call.stream, call.model) == (CHAT, True, MODELS[0])
    roles = [(message["role"], message["content"]) for message in call.body["messages"]]
    assert roles == [("system", QUESTION.prompt.system), ("user", QUESTION.prompt.user)]
    assert call.body["max_completion_tokens"] == QUESTION.prompt.max_tokens
    assert call.headers["authorization"].startswith("Bearer ") and "service_tier" not in call.body


def test_the_answer_arrives_piece_by_piece(provider, groq):
    groq.answer("One two three four five six.")
    pieces = [piece.text for piece in provider.stream(QUESTION, Deadline(10)) if piece.text]
    assert "".join(pieces) == "One two three four five six." and len(pieces) > 3


def test_a_slow_answer_within_the_deadline_is_whole(provider, groq):
    groq.answer("One two three.")
    groq.next(SlowStream(0.1))
    assert complete(provider).text == "One two three."


@pytest.mark.parametrize("text", ["  \n\n", "\0", " \0 "], ids=repr)
def test_an_answer_of_nothing_is_a_bad_one(provider, groq, text):
    groq.answer(text)
    with pytest.raises(BadAnswer):
        complete(provider)


FAULTS = [
    (EmptyChoices(), ProviderAway),
    (EmptyText(), BadAnswer),
    (HtmlPage(), ProviderAway),
    (CutJson(), BadAnswer),
    (CutStream(), ProviderAway),
    (CutStream(0), ProviderAway),
    (EndWithoutDone(), ProviderAway),
    (StreamError(), ProviderAway),
    (FinishReason("length"), BadAnswer),
    (FinishReason("content_filter"), BadAnswer),
    (FinishReason(None), ProviderAway),
    (Refuse(), ProviderAway),
    *[(Status(code), QuestionRefused) for code in (400, 413, 422)],
    *[(Status(code), ProviderMisconfigured) for code in (401, 403, 404)],
    *[(Status(code), ProviderAway) for code in (408, 409, 424, 500, 502, 503, 504, 529)],
]


@pytest.mark.parametrize("fault, error", FAULTS, ids=[repr(fault) for fault, _ in FAULTS])
def test_each_fault_is_an_error_after_one_call(provider, groq, fault, error):
    groq.next(fault)
    with pytest.raises(ProviderError) as caught:
        complete(provider)
    assert caught.type is error
    assert groq.count == 1
    assert "gsk_tests" not in str(caught.value) and groq.url not in str(caught.value)


def test_a_model_that_does_not_exist_is_a_mistake_of_the_operator(groq):
    settings = Settings(groq_base_url=groq.url, groq_api_key="gsk_tests")
    with pytest.raises(ProviderMisconfigured):
        complete(provider_of(settings, Link("groq", "gpt-0")))


def test_a_bad_key_is_a_mistake_of_the_operator(groq):
    settings = Settings(groq_base_url=groq.url, groq_api_key="bad key")
    with pytest.raises(ProviderMisconfigured) as caught:
        complete(provider_of(settings, Link("groq", MODELS[0])))
    assert "bad key" not in str(caught.value)


@pytest.mark.parametrize("sent, seconds", [("300", 300), (7, 7), ("0.2", 1), (None, 20), ("soon", 20)])
def test_a_pause_is_kept_as_it_was_asked_for(provider, groq, sent, seconds):
    groq.next(Status(429, retry_after=sent))
    with pytest.raises(ProviderBusy) as caught:
        complete(provider)
    assert (caught.value.seconds, groq.count) == (seconds, 1)


def test_a_full_tier_is_asked_once_more_at_the_usual_price(provider, groq):
    groq.next(Status(498))
    assert complete(provider).text
    assert [call.body.get("service_tier") for call in groq.calls] == [None, "on_demand"]


def test_a_tier_that_stays_full_is_a_pause(provider, groq):
    groq.next(Status(498), Status(498))
    with pytest.raises(ProviderBusy) as caught:
        complete(provider)
    assert (5 <= caught.value.seconds <= 15, groq.count) == (True, 2)


@pytest.mark.parametrize(
    "fault, error",
    [
        (Status(429, retry_after=300), ProviderBusy),
        (Status(503), ProviderAway),
        (Refuse(), ProviderAway),
        (CutStream(), ProviderAway),
        (CutJson(), BadAnswer),
        (Hang(), ProviderTooSlow),
    ],
    ids=lambda value: repr(value) if not isinstance(value, type) else "",
)
def test_what_goes_wrong_at_the_usual_price_is_the_same_error(provider, groq, fault, error):
    groq.next(Status(498), fault)
    with pytest.raises(ProviderError) as caught:
        complete(provider, 0.5)
    assert (caught.type, groq.count) == (error, 2)


@pytest.mark.parametrize("fault", [Hang(), SlowStream(0.3), SlowStream(3)], ids=repr)
def test_what_takes_too_long_ends_with_the_deadline(provider, groq, fault):
    groq.next(fault)
    begin = time.monotonic()
    with pytest.raises(ProviderTooSlow):
        complete(provider, 0.8)
    assert 0.75 <= time.monotonic() - begin < 0.8 + 0.5
    assert groq.count == 1


def test_an_answer_that_halts_late_ends_with_the_deadline(provider, groq):
    groq.next(SlowStream(0.65))
    begin = time.monotonic()
    with pytest.raises(ProviderTooSlow):
        complete(provider, 0.7)
    assert time.monotonic() - begin < 0.7 + 0.3


@pytest.mark.parametrize("name", ["groq", "openai_compatible"])
def test_who_only_says_that_it_is_still_there_is_too_slow(name):
    with AnthropicStandIn() as chatting, ThreadPoolExecutor(1) as executor:
        settings = Settings(groq_base_url=chatting.url, openai_base_url=chatting.url, groq_api_key="k")
        chatting.faults.append("chatter")
        answer = executor.submit(complete, provider_of(settings, Link(name, MODELS[0])), 0.6)
        try:
            assert isinstance(answer.exception(1.5), ProviderTooSlow)
        finally:
            chatting.hang_up()


def test_nobody_listens(provider, groq):
    groq.stop_listening()
    try:
        with pytest.raises(ProviderAway):
            complete(provider)
    finally:
        groq.listen_again()
    assert complete(provider).text


@pytest.mark.parametrize("name", ["groq", "openai_compatible"])
def test_a_host_that_is_not_there_is_away(name):
    url = f"http://127.0.0.1:{servers.free_port()}"
    settings = Settings(groq_base_url=url, openai_base_url=f"{url}/v1", groq_api_key="gsk_tests")
    begin = time.monotonic()
    with pytest.raises(ProviderAway):
        complete(provider_of(settings, Link(name, MODELS[0])))
    assert time.monotonic() - begin < LITTLE


def test_a_local_model_needs_no_key(groq):
    settings = Settings(openai_base_url=f"{groq.url}/openai/v1")
    assert complete(provider_of(settings, Link("openai_compatible", MODELS[0]))).text
    assert groq.calls[0].headers["authorization"] == "Bearer none"


def test_a_provider_is_made_once_and_serves_many_threads(provider, groq, in_parallel):
    answers = in_parallel([lambda: complete(provider)] * 8)
    assert len({answer.text for answer in answers}) == 1
    assert groq.count == 8
    assert all(answer.usage != Usage() for answer in answers)


def test_other_settings_are_another_provider(groq):
    settings = Settings(groq_base_url=groq.url, groq_api_key="gsk_tests")
    link = Link("groq", MODELS[0])
    assert provider_of(settings, link) is provider_of(replace(settings), link)
    assert provider_of(settings, link) is not provider_of(replace(settings, groq_api_key="gsk_2"), link)
