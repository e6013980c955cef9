"""What the AI tools refuse, before anything is asked, kept or counted."""

import pytest

from . import ai, expect

OPTIONS = [
    ("generate", "level"),
    ("generate", "language"),
    ("generate", "subject"),
    ("improve", "instructions"),
    ("improve", "language"),
    ("summarize", "length"),
    ("summarize", "format"),
    ("summarize", "language"),
    ("code", "programming_language"),
    ("code", "level"),
]
CHOICES = [row for row in OPTIONS if row[1] in {"level", "length", "format"}]
LANGUAGES = [row for row in OPTIONS if row[1] == "language"]
OF_OTHERS = [
    ("generate", "content"),
    ("generate", "length"),
    ("improve", "level"),
    ("summarize", "instructions"),
    ("summarize", "programming_language"),
    ("code", "length"),
    ("code", "topic"),
]
WRONG_TYPES = [1, 1.5, True, [], ["x"], {}, {"x": "y"}]
BLANK = ["", " ", "\t\n\r", "\u00a0\u2003\u3000"]


@pytest.fixture
def nothing_happened(alice, do_tasks):
    """Whatever a test sends: afterwards there is no task, no output, and no quota is used."""
    yield
    assert expect.walk(alice, "/api/tasks/") == []
    assert do_tasks() <= 1  # the mail to a new account
    assert expect.walk(alice, ai.HISTORY) == []
    assert ai.used(alice) == 0


refusing = pytest.mark.usefixtures("nothing_happened")


@refusing
@pytest.mark.parametrize("tool", ai.TOOLS)
def test_a_request_without_its_text_is_refused(alice, tool):
    field, _ = ai.MAIN[tool]
    rest = {name: value for name, value in ai.BODIES[tool].items() if name != field}
    expect.invalid(alice.post(f"{ai.BASE}{tool}/", json=rest), field)
    expect.invalid(ai.ask(alice, tool, **{field: None}), field)


@refusing
@pytest.mark.parametrize("blank", BLANK)
@pytest.mark.parametrize("tool", ai.TOOLS)
def test_a_text_that_says_nothing_is_refused(alice, tool, blank):
    field, _ = ai.MAIN[tool]
    expect.invalid(ai.ask(alice, tool, **{field: blank}), field)


@refusing
@pytest.mark.parametrize("letter", ["x", "é", "🙂"])
@pytest.mark.parametrize("tool", ai.TOOLS)
def test_a_text_too_long_by_one_is_refused(alice, tool, letter):
    field, longest = ai.MAIN[tool]
    expect.invalid(ai.ask(alice, tool, **{field: letter * (longest + 1)}), field)


@pytest.mark.parametrize("letter", ["x", "é", "🙂"])
@pytest.mark.parametrize("tool", ai.TOOLS)
def test_the_longest_text_is_answered(alice, do_tasks, tool, letter):
    field, longest = ai.MAIN[tool]
    assert ai.output(alice, do_tasks, tool, **{field: letter * longest})["content"]


@pytest.mark.parametrize("tool", ai.TOOLS)
def test_the_shortest_text_is_answered(alice, do_tasks, tool):
    assert ai.output(alice, do_tasks, tool, **{ai.MAIN[tool][0]: "x"})["content"]


@refusing
@pytest.mark.parametrize("wrong", WRONG_TYPES, ids=repr)
@pytest.mark.parametrize("tool", ai.TOOLS)
def test_a_text_of_another_type_is_refused(alice, tool, wrong):
    field, _ = ai.MAIN[tool]
    expect.invalid(ai.ask(alice, tool, **{field: wrong}), field)


@refusing
@pytest.mark.parametrize("tool, field", OPTIONS)
def test_an_option_of_another_type_is_refused(alice, tool, field):
    for wrong in WRONG_TYPES:
        expect.invalid(ai.ask(alice, tool, **{field: wrong}), field)


@refusing
@pytest.mark.parametrize("tool, field", CHOICES)
def test_a_choice_that_is_not_there_is_refused(alice, tool, field):
    for wrong in ("expert", "", " ", "BEGINNER", "Short", "bullets ", "paragraph,bullets"):
        expect.invalid(ai.ask(alice, tool, **{field: wrong}), field)


@refusing
@pytest.mark.parametrize("tool, field", LANGUAGES)
def test_a_language_that_is_no_tag_is_refused(alice, tool, field):
    for wrong in ("", " ", "e", "1", "en--US", "not a language", "abcdefghi", "en-", "<b>", "en\r\nX: y"):
        expect.invalid(ai.ask(alice, tool, **{field: wrong}), field)


@refusing
def test_code_needs_a_programming_language(alice):
    expect.invalid(alice.post(ai.BASE + "code/", json={"prompt": "Sort"}), "programming_language")
    for wrong in ("", "  ", "x" * 10_000):
        expect.invalid(ai.ask(alice, "code", programming_language=wrong), "programming_language")


@refusing
@pytest.mark.parametrize("tool, field", [*OPTIONS, *ai.MAIN_FIELDS])
def test_nul_is_refused_wherever_it_stands(alice, tool, field):
    expect.invalid(ai.ask(alice, tool, **{field: "a\0b"}), field)


@refusing
@pytest.mark.parametrize("name", ["role", "user_id", "model", "provider", "tool", "cached", "__proto__", ""])
@pytest.mark.parametrize("tool", ai.TOOLS)
def test_an_unknown_field_is_refused(alice, tool, name):
    expect.invalid(ai.ask(alice, tool, **{name: "x"}), name)


@refusing
@pytest.mark.parametrize("tool, field", OF_OTHERS)
def test_a_field_of_another_tool_is_unknown(alice, tool, field):
    expect.invalid(ai.ask(alice, tool, **{field: "short"}), field)


@refusing
@pytest.mark.parametrize("tool", ai.TOOLS)
def test_all_that_is_wrong_is_said_at_once(alice, tool):
    field, longest = ai.MAIN[tool]
    body = expect.invalid(ai.ask(alice, tool, **{field: "x" * (longest + 1), "model": "x"}), field)
    assert set(body["errors"]["json"]) == {field, "model"}


@refusing
@pytest.mark.parametrize("tool", ai.TOOLS)
def test_an_unknown_query_parameter_is_refused(alice, tool):
    answer = alice.post(f"{ai.BASE}{tool}/?wait=5", json=ai.BODIES[tool])
    expect.invalid(answer, "wait", where="query")


@refusing
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
@pytest.mark.parametrize("tool", ai.TOOLS)
def test_another_content_type_is_refused(alice, tool, kind):
    expect.problem(alice.post(f"{ai.BASE}{tool}/", data=b'{"topic": "Cells"}', content_type=kind), 415)


@refusing
@pytest.mark.parametrize("body", [b"", b"topic", b'{"topic": "Cells"', b'{"topic": NaN}', b"\xff\xfe"])
@pytest.mark.parametrize("tool", ai.TOOLS)
def test_a_body_that_is_not_json_is_refused(alice, tool, body):
    expect.problem(alice.post(f"{ai.BASE}{tool}/", data=body, content_type="application/json"), 400)


@refusing
@pytest.mark.parametrize("body", ["[]", "null", "true", "1", '"Cells"', "{}"])
@pytest.mark.parametrize("tool", ai.TOOLS)
def test_json_that_is_no_request_is_refused(alice, tool, body):
    expect.problem(alice.post(f"{ai.BASE}{tool}/", data=body, content_type="application/json"), 422)


@refusing
@pytest.mark.parametrize("tool", ai.TOOLS)
def test_a_body_over_2_mebibytes_is_refused(alice, tool):
    expect.problem(ai.ask(alice, tool, **{ai.MAIN[tool][0]: "x" * 2 * 1024 * 1024}), 413)


@refusing
def test_a_refusal_comes_at_once_however_long_one_would_wait(alice):
    expect.invalid(ai.ask(alice, headers=ai.wait(30), content=""), "content")


@refusing
@pytest.mark.parametrize("tool", ai.TOOLS)
def test_a_malformed_key_is_a_400(alice, tool):
    expect.problem(ai.ask(alice, tool, headers={"Idempotency-Key": "x" * 256}), 400)


@pytest.mark.parametrize("path", [ai.HISTORY, ai.QUOTA])
def test_an_unknown_query_parameter_of_a_reading_is_refused(alice, path):
    expect.invalid(alice.get(path + "?user_id=1"), "user_id", where="query")


def test_a_refusal_does_not_repeat_what_was_sent(alice):
    answer = ai.ask(alice, content="my secret diary " * 5_000)
    expect.invalid(answer, "content")
    assert "secret diary" not in answer.get_data(as_text=True)
