"""The four AI tools: asked, accepted as tasks, and answered with outputs."""

import pytest

from tests.people import Mailbox, register

from . import ai, expect

TEXTS = [
    "Zoë's “cells”",
    "生物学ノート",
    "ملاحظات",
    "🙂👩‍👩‍👧‍👦",
    "'; DROP TABLE notes; --",
    "{{7*7}} %s {0}",
]


@pytest.fixture
def write(alice, do_tasks):
    """Have a request of Alice's answered; gives the output."""
    return lambda tool="summarize", **fields: ai.output(alice, do_tasks, tool, **fields)


@pytest.mark.parametrize("tool", ai.TOOLS)
def test_a_request_is_accepted_as_a_task(alice, tool):
    answer = ai.ask(alice, tool)
    body = ai.accepted(answer)
    assert body["status"] == "queued"
    task = ai.has_fields(ai.task(alice, answer), ai.TASK)
    assert (task["task_id"], task["kind"], task["status"]) == (body["task_id"], tool, "queued")
    assert (task["result"], task["error"], task["finished_at"]) == (None, None, None)


@pytest.mark.parametrize("tool", ai.TOOLS)
def test_the_result_of_the_task_is_the_output_itself(alice, write, tool):
    output = ai.has_fields(write(tool), ai.OUTPUT)
    assert (output["tool"], output["cached"], output["download_count"]) == (tool, False, 0)
    assert (output["note_id"], output["drive_file_id"]) == (None, None)
    assert output["title"].strip() and output["content"].strip()
    assert expect.ok(alice.get(f"{ai.BASE}{output['id']}/")) == output


@pytest.mark.parametrize("tool", ai.TOOLS)
def test_an_output_expires_after_30_days(write, tool):
    output = write(tool)
    lives = expect.moment(output["expires_at"]) - expect.moment(output["created_at"])
    assert abs(lives.total_seconds() - 30 * 24 * 3600) < 60


def test_the_built_in_provider_uses_no_tokens_and_says_who_it_is(write):
    output = write()
    assert (output["provider"], output["tokens_used"]) == ("offline", 0)
    assert output["model"] and output["response_time"] >= 0


def test_an_output_names_what_can_be_done_with_it(alice, write):
    output = write()
    actions = output["actions"]
    assert set(actions) >= {"save_to_note", "download", "upload_to_drive"}
    assert actions["save_to_note"] == f"{ai.BASE}{output['id']}/save-to-note/"
    assert actions["download"] == f"{ai.BASE}{output['id']}/download/"
    expect.ok(alice.get(actions["download"]))
    expect.ok(alice.post(actions["save_to_note"], json={}), 201)


@pytest.mark.parametrize("level", ["beginner", "intermediate", "advanced"])
@pytest.mark.parametrize("tool", ["generate", "code"])
def test_every_level_is_known(write, tool, level):
    assert write(tool, level=level)["content"]


@pytest.mark.parametrize("form", ["paragraph", "bullets"])
@pytest.mark.parametrize("length", ["short", "medium", "long"])
def test_every_length_and_form_of_a_summary_is_known(write, length, form):
    assert write("summarize", length=length, format=form)["content"]


@pytest.mark.parametrize("tool, field", [("generate", "subject"), ("improve", "instructions")])
def test_the_optional_texts_are_taken(write, tool, field):
    assert write(tool, **{field: "Biology, for the exam"})["content"]


@pytest.mark.parametrize("language", ["en", "de", "pt-BR", "zh-Hant-TW", "sl-rozaj", "es-419"])
@pytest.mark.parametrize("tool", ["generate", "improve", "summarize"])
def test_an_output_is_in_the_language_that_was_asked_for(write, tool, language):
    assert write(tool, language=language)["language"] == language


@pytest.mark.parametrize("tool", ["generate", "improve", "summarize"])
def test_the_language_is_that_of_the_profile_unless_asked(alice, write, tool):
    expect.ok(alice.patch("/api/auth/me/", json={"profile": {"language": "de"}}))
    assert write(tool)["language"] == "de"
    assert write(tool, language="fr")["language"] == "fr"


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("tool", ai.TOOLS)
def test_a_text_in_any_script_is_answered(alice, write, tool, text):
    output = write(tool, **{ai.MAIN[tool][0]: text})
    assert alice.get(f"{ai.BASE}{output['id']}/").json == output


@pytest.mark.parametrize("language", ["python", "javascript", "c++", "c#", "go", "rust", "sql", "bash"])
def test_code_is_written_in_many_languages(write, language):
    assert write("code", programming_language=language)["content"]


@pytest.mark.parametrize(
    "method, path",
    [
        *(("POST", f"{ai.BASE}{tool}/") for tool in ai.TOOLS),
        ("GET", ai.HISTORY),
        ("GET", ai.QUOTA),
        ("GET", ai.BASE + "1/"),
        ("DELETE", ai.BASE + "1/"),
        ("POST", ai.BASE + "1/save-to-note/"),
        ("GET", ai.BASE + "1/download/"),
        ("POST", ai.BASE + "1/download/"),
        ("POST", ai.BASE + "1/apply/"),
        ("POST", "/api/topics/1/ai/"),
        ("GET", "/api/tasks/"),
        ("GET", "/api/notifications/"),
    ],
)
def test_nobody_comes_in_without_a_token(anonymous, method, path):
    expect.unauthorized(anonymous.open(path, method=method, json={} if method == "POST" else None))
    expect.unauthorized(anonymous.open(path, method=method, headers={"Authorization": "Bearer nonsense"}))


@pytest.mark.parametrize("path", [*(f"{ai.BASE}{tool}/" for tool in ai.TOOLS)])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_tool_is_only_posted_to(alice, method, path):
    expect.problem(alice.open(path, method=method, json={}), 405)


@pytest.mark.parametrize("tool", ["translate", "Generate", "generate%00", "0"])
def test_a_tool_that_is_not_there_is_no_address(alice, tool):
    expect.problem(alice.post(f"{ai.BASE}{tool}/", json={"topic": "Cells"}), 404, 405)


@pytest.mark.parametrize("tool", ai.TOOLS)
def test_a_request_sent_again_with_its_key_is_one_request(alice, do_tasks, tool):
    first = ai.ask(alice, tool, headers={"Idempotency-Key": "once"})
    do_tasks()
    second = ai.ask(alice, tool, headers={"Idempotency-Key": "once"})
    assert (second.status_code, second.get_data()) == (202, first.get_data())
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Location"] == first.headers["Location"]
    assert len(expect.walk(alice, "/api/tasks/")) == len(expect.walk(alice, ai.HISTORY)) == 1


def test_the_same_key_with_another_text_is_refused(alice):
    headers = {"Idempotency-Key": "once"}
    ai.accepted(ai.ask(alice, headers=headers))
    expect.problem(ai.ask(alice, headers=headers, content="Other"), 422, code="idempotency_key_reused")
    assert len(expect.walk(alice, "/api/tasks/")) == 1


def test_parallel_requests_with_one_key_are_one_request(alice, in_parallel):
    answers = in_parallel([lambda: ai.ask(alice, headers={"Idempotency-Key": "once"})] * 20)
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.get_data() for answer in answers if answer.status_code == 202}) == 1
    assert len(expect.walk(alice, "/api/tasks/")) == 1


@pytest.fixture
def settled(tmp_path):
    """Make an application with settings of its own, and Dora in it."""
    stack = []

    def settle(**settings):
        stack.append(ai.application(tmp_path / "instance", **settings))
        return register(stack[0].__enter__(), email="dora@example.com")

    yield settle
    for application in stack:
        application.__exit__(None, None, None)


@pytest.mark.parametrize("tool", ai.TOOLS)
def test_without_a_provider_the_tools_say_so(settled, tool):
    dora = settled(ai_provider="none")
    expect.problem(ai.ask(dora, tool), 503, code="ai_not_configured")
    expect.problem(ai.ask(dora, tool, headers=ai.wait(5)), 503, code="ai_not_configured")
    assert expect.walk(dora, "/api/tasks/") == expect.walk(dora, ai.HISTORY) == []
    assert ai.used(dora) == 0


def test_without_a_provider_a_topic_is_left_alone_too(settled, note_tree):
    dora = settled(ai_provider="none")
    note = expect.ok(dora.post("/api/notes/", json=note_tree()), 201)
    topic = note["chapters"][0]["topics"][0]
    expect.problem(
        dora.post(f"/api/topics/{topic['id']}/ai/", json={"tool": "improve"}), 503, code="ai_not_configured"
    )


@pytest.mark.parametrize("tool", ai.TOOLS)
def test_where_addresses_must_be_verified_an_unverified_account_asks_in_vain(settled, tool):
    dora = settled(require_verified_email=True)
    expect.problem(ai.ask(dora, tool), 403, code="email_not_verified")
    assert expect.walk(dora, "/api/tasks/") == []
    expect.ok(dora.post("/api/notes/", json={"title": "Mine"}), 201)


def test_an_unverified_account_has_no_topic_rewritten(settled, note_tree):
    dora = settled(require_verified_email=True)
    topic = dora.post("/api/notes/", json=note_tree()).json["chapters"][0]["topics"][0]
    answer = dora.post(f"/api/topics/{topic['id']}/ai/", json={"tool": "improve"})
    expect.problem(answer, 403, code="email_not_verified")


def test_a_verified_account_asks(settled, tmp_path):
    dora = settled(require_verified_email=True)
    token = Mailbox(dora.app, tmp_path / "outbox").token("dora@example.com")
    expect.ok(dora.post("/api/auth/verify-email/", json={"token": token}))
    ai.accepted(ai.ask(dora))


def test_an_unverified_account_asks_where_nobody_minds(alice):
    assert alice.user["is_email_verified"] is False
    ai.accepted(ai.ask(alice))
