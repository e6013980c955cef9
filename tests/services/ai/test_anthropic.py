"""Anthropic's message stream, against a stand-in of it."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

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
from noteassist.services.ai.providers.claude import AnthropicProvider
from tests import servers
from tests.stand_ins.anthropic import WORDS, AnthropicStandIn

FIELDS = {"content": "teh cell", "instructions": None, "language": None}
QUESTION = Question("improve", FIELDS, "en", render("improve", FIELDS))


@pytest.fixture(scope="module")
def stand_in():
    """Give the stand-in for all tests."""
    with AnthropicStandIn() as started:
        yield started


@pytest.fixture
def anthropic(stand_in):
    """Give the stand-in as it is at first."""
    stand_in.faults.clear()
    stand_in.calls.clear()
    stand_in.headers, stand_in.words = {}, WORDS
    return stand_in


@pytest.fixture
def provider(anthropic):
    """Give the provider in front of it."""
    provider = AnthropicProvider(model="claude-haiku-4-5", api_key="sk-ant-tests", base_url=anthropic.url)
    yield provider
    provider.client.close()


def complete(provider, seconds=10.0):
    """Ask the question."""
    return provider.complete(QUESTION, Deadline(seconds))


def test_a_whole_answer_comes_with_its_cost(provider, anthropic):
    answer = complete(provider)
    assert (answer.text, answer.usage) == ("Cells divide and grow.", Usage(11, 7))


def test_the_question_is_sent_as_the_prompt_says_it(provider, anthropic):
    complete(provider)
    (call,) = anthropic.calls
    assert (call["model"], call["stream"], call["system"]) == (
        "claude-haiku-4-5",
        True,
        QUESTION.prompt.system,
    )
    assert call["messages"] == [{"role": "user", "content": QUESTION.prompt.user}]
    assert (call["max_tokens"], anthropic.keys[-1]) == (QUESTION.prompt.max_tokens, "Bearer sk-ant-tests")


FAULTS = {
    "html": ProviderAway,
    "cut": ProviderAway,
    "error": ProviderAway,
    "empty": BadAnswer,
    "half": BadAnswer,
    "max_tokens": BadAnswer,
    "refusal": BadAnswer,
    400: QuestionRefused,
    401: ProviderMisconfigured,
    403: ProviderMisconfigured,
    404: ProviderMisconfigured,
    413: QuestionRefused,
    500: ProviderAway,
    503: ProviderAway,
    529: ProviderAway,
}


@pytest.mark.parametrize("fault, error", FAULTS.items())
def test_each_fault_is_an_error_after_one_call(provider, anthropic, fault, error):
    anthropic.faults.append(fault)
    with pytest.raises(ProviderError) as caught:
        complete(provider)
    assert (caught.type, len(anthropic.calls)) == (error, 1)
    assert "sk-ant-tests" not in str(caught.value)


@pytest.mark.parametrize("sent, seconds", [("300", 300), ("0.5", 1), (None, 20), ("soon", 20)])
def test_a_pause_is_kept_as_it_was_asked_for(provider, anthropic, sent, seconds):
    anthropic.faults.append(429)
    anthropic.headers = {"retry-after": sent} if sent else {}
    with pytest.raises(ProviderBusy) as caught:
        complete(provider)
    assert (caught.value.seconds, len(anthropic.calls)) == (seconds, 1)


@pytest.mark.parametrize("fault", ["hang", "chatter"])
def test_what_takes_too_long_ends_with_the_deadline(provider, anthropic, fault):
    anthropic.faults.append(fault)
    with ThreadPoolExecutor(1) as executor:
        answer = executor.submit(complete, provider, 0.6)
        begin = time.monotonic()
        try:
            assert isinstance(answer.exception(1.5), ProviderTooSlow)
        finally:
            anthropic.hang_up()
    assert time.monotonic() - begin > 0.55


def test_half_a_character_is_replaced(provider, anthropic):
    anthropic.words = ("Fire \ud83d", "\udd25 and half \ud83d.")
    complete(provider).text.encode()


def test_nobody_listens():
    url = f"http://127.0.0.1:{servers.free_port()}"
    provider = AnthropicProvider(model="claude-haiku-4-5", api_key="sk-ant-tests", base_url=url)
    with provider.client, pytest.raises(ProviderAway):
        complete(provider)
