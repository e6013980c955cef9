"""What has nothing wrong in it is read as the library reads it, and what has is refused in the library's words."""

import pytest
from marshmallow import Schema, ValidationError

from noteassist.blueprints.admin.schemas import ManagedTaskQuery
from noteassist.blueprints.ai_tools.schemas import CodeIn, GenerateIn, TopicAiIn
from noteassist.blueprints.notes.schemas import NoteIn

CELLS = {"name": "Cells", "explanation": {"content": "Cells divide."}}
BODIES = [
    (GenerateIn, {"topic": "Cells"}),
    (GenerateIn, {"topic": "Cells", "level": "beginner", "language": "pt-BR", "subject": None}),
    (GenerateIn, {"topic": " "}),
    (GenerateIn, {"topic": "x" * 501}),
    (GenerateIn, {"topic": "a\0b"}),
    (GenerateIn, {"topic": 7, "level": "expert"}),
    (GenerateIn, {"topic": "Cells", "color": "red"}),
    (GenerateIn, {}),
    (GenerateIn, []),
    (GenerateIn, None),
    (CodeIn, {"prompt": "Sort", "programming_language": " C++ "}),
    (CodeIn, {"prompt": "", "programming_language": "  "}),
    (TopicAiIn, {"tool": "code", "level": "beginner"}),
    (TopicAiIn, {"tool": "code", "length": "short"}),
    (
        NoteIn,
        {"title": "Cells", "tags": ["b", "a"], "chapters": [{"title": "One", "topics": [CELLS, CELLS]}]},
    ),
    (NoteIn, {"title": "Cells", "chapters": [{"title": "One", "topics": [CELLS, {"name": "", "x": 1}]}]}),
    (NoteIn, {"title": "Cells", "chapters": [{"title": "One", "topics": "none"}]}),
]


def outcome(read, body):
    """Give what is read of a body, or what is said of its mistakes."""
    try:
        return read(body)
    except ValidationError as error:
        return error.messages


@pytest.mark.parametrize(("schema", "body"), BODIES)
def test_a_body_is_read_as_the_library_reads_it(schema, body, monkeypatch):
    ours = outcome(schema().load, body)
    monkeypatch.setattr("noteassist.api.schemas.BaseSchema._deserialize", Schema._deserialize)
    monkeypatch.delattr("noteassist.api.schemas.Text._validate")
    assert ours == outcome(schema().load, body)


def test_a_field_that_is_called_otherwise_outside_is_read_by_that_name():
    assert ManagedTaskQuery().load({"user": 7})["user_id"] == 7
    with pytest.raises(ValidationError):
        ManagedTaskQuery().load({"user_id": 7})


def test_a_text_is_told_all_its_mistakes_together():
    with pytest.raises(ValidationError) as caught:
        GenerateIn().load({"topic": "", "language": "-" * 40})
    assert len(caught.value.messages["topic"]) == 2
