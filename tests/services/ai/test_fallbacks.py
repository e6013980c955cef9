"""Providers that are asked when the first one does not answer."""

import sys
from dataclasses import replace

import pytest

from noteassist.services.ai.providers import chain_of
from tests.conftest import KINDS
from tests.contract import ai, expect
from tests.services.tasks import scene
from tests.stand_ins.groq import MODELS, CutStream, EmptyText, Hang, Status

FAULTS = [Status(429, retry_after=300), Status(503), Status(401), Status(400), EmptyText(), Hang()]


@pytest.fixture(scope="module", params=KINDS)
def migrated_app(request, stand_in, tmp_path_factory):
    """Give an application that asks Groq, another model of Groq's, and itself."""
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else ""
    options = {**ai.with_groq(stand_in), "ai_deadline": 1.0, "ai_fallbacks": ("offline",)}
    with ai.application(tmp_path_factory.mktemp("instance"), url, **options) as app:
        yield app


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_the_fallback_answers_and_says_who_it_is(app, alice, groq, do_tasks, fault):
    groq.next(fault)
    output = ai.output(alice, do_tasks)
    assert (output["provider"], output["tokens_used"], groq.count) == ("offline", 0, 1)
    calls = scene.rows(app, "SELECT provider, outcome FROM ai_calls ORDER BY id")
    assert [call.provider for call in calls] == ["groq", "offline"]
    assert calls[0].outcome != calls[1].outcome == "ok"


def test_what_a_fallback_said_answers_nobody_else(alice, bob, groq, do_tasks):
    groq.next(Status(503))
    assert ai.output(alice, do_tasks)["provider"] == "offline"
    assert ai.output(bob, do_tasks)["provider"] == "groq"
    assert ai.output(alice, do_tasks)["provider"] == "groq"
    assert groq.count == 2


def test_a_fallback_answers_those_who_joined(alice, bob, groq, do_tasks):
    groq.next(Status(503))
    answers = [(client, ai.ask(client)) for client in (alice, bob)]
    do_tasks()
    outputs = [ai.task(client, answer)["result"] for client, answer in answers]
    assert [output["provider"] for output in outputs] == ["offline", "offline"]
    assert [output["cached"] for output in outputs] == [False, True]


def test_a_closed_gate_sends_everybody_to_the_fallback(alice, groq, do_tasks):
    groq.next(Status(429, retry_after=300))
    outputs = [ai.output(alice, do_tasks, content=f"Text {number}.") for number in range(4)]
    assert ({output["provider"] for output in outputs}, groq.count) == ({"offline"}, 1)


def test_text_of_the_provider_that_broke_off_is_not_in_the_answer(alice, groq, do_tasks):
    groq.answer("Half of an answer that was never finished by the model")
    groq.next(CutStream(after_chunks=6))
    answer = ai.ask(alice)
    do_tasks()
    task = ai.task(alice, answer)
    assert "Half of" not in task["result"]["content"]
    events = ai.events(alice, task["task_id"])
    (last,) = [n for n, one in enumerate(events) if one.data.get("message") == "offline is being asked."]
    written = "".join(one.data["text"] for one in events[last:] if one.name == "token")
    assert written.strip() == task["result"]["content"]


def test_a_fallback_whose_extra_is_missing_leaves_the_others_to_answer(
    app, alice, groq, do_tasks, monkeypatch
):
    chain = ("openai_compatible", "offline")
    settings = replace(app.config["SETTINGS"], ai_fallbacks=chain, openai_api_key="unused")
    monkeypatch.setitem(app.config, "SETTINGS", settings)
    monkeypatch.setitem(sys.modules, "openai", None)
    groq.next(Status(503))
    assert ai.output(alice, do_tasks)["provider"] == "offline"


@pytest.mark.parametrize(
    "fallbacks, names",
    [
        ((), ["groq/openai/gpt-oss-120b"]),
        (("offline",), ["groq/openai/gpt-oss-120b", "offline/offline-1"]),
        (
            (f"groq:{MODELS[1]}", "groq:openai/gpt-oss-120b"),
            ["groq/openai/gpt-oss-120b", f"groq/{MODELS[1]}"],
        ),
        (("anthropic",), ["groq/openai/gpt-oss-120b", "anthropic/claude-haiku-4-5"]),
    ],
)
def test_the_chain_begins_with_the_provider_and_has_each_once(settings, fallbacks, names):
    chain = chain_of(replace(settings, ai_fallbacks=fallbacks))
    assert [f"{link.provider}/{link.model}" for link in chain] == names


@pytest.fixture
def with_settings(app, monkeypatch):
    """Change settings of the application for a test."""

    def change(**changes):
        monkeypatch.setitem(app.config, "SETTINGS", replace(app.config["SETTINGS"], **changes))

    return change


def test_another_model_of_the_same_provider_is_asked_when_one_is_gone(alice, groq, do_tasks, with_settings):
    with_settings(ai_model="llama-3.3-70b-versatile", ai_fallbacks=("groq:openai/gpt-oss-20b",))
    assert ai.output(alice, do_tasks)["model"] == "openai/gpt-oss-20b"
    assert [call.model for call in groq.calls] == ["llama-3.3-70b-versatile", "openai/gpt-oss-20b"]


def test_a_fallback_quotes_nobodys_notes(alice, bob, groq, do_tasks):
    secret = {"name": "Osmosis", "explanation": {"content": "My secret."}}
    expect.ok(
        alice.post("/api/notes/", json={"title": "N", "chapters": [{"title": "C", "topics": [secret]}]}), 201
    )
    groq.next(Status(503))
    body = {"topic": "Osmosis", "language": "en"}
    tasks = [(client, client.post("/api/ai-tools/generate/", json=body)) for client in (alice, bob)]
    do_tasks()
    outputs = [ai.task(client, answer)["result"] for client, answer in tasks]
    assert [output["provider"] for output in outputs] == ["offline", "offline"]
    assert not any("secret" in output["content"] for output in outputs)
