"""What the note routes take and give."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, pre_load, validate, validates_schema

from noteassist.api.schemas import (
    BaseSchema,
    Identifier,
    Moment,
    PageQuery,
    Text,
    WholeNumber,
    web_address,
)
from noteassist.models.notes import STATUSES
from noteassist.services.bulk import TAGS_PER_NOTE
from noteassist.services.chapters import CHAPTERS_PER_NOTE
from noteassist.services.notes import ORDERINGS
from noteassist.services.tree_changes import TOPICS_PER_CHAPTER

LONGEST_TEXT = 100_000
LARGEST_ORDER = 2**31 - 1
IDS_PER_BULK = 500


class Tag(Text):
    """A tag: lower-cased, its white space folded, 1 to 50 characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(1, 50, **options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any
    ) -> str:
        text = super()._deserialize(value, attr, data, **options)
        tag = " ".join(unicodedata.normalize("NFC", text).lower().split())
        if re.search(r"[\x00-\x1f\x7f]", tag):
            raise ValidationError("Control characters are not allowed.")
        return tag


class Tags(fields.List[str]):
    """At most 20 tags, unique and sorted."""

    def __init__(self, **options: Any) -> None:
        super().__init__(Tag(), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> list[Any]:
        tags = sorted({str(tag) for tag in super()._deserialize(value, attr, data, **options)})
        if len(tags) > TAGS_PER_NOTE:
            raise ValidationError(f"At most {TAGS_PER_NOTE} tags.")
        return tags


def title_field(**options: Any) -> Text:
    """Make the field of a title or name."""
    return Text(1, 255, trim=True, **options)


def order_field() -> WholeNumber:
    """Make the field of a place among siblings."""
    return WholeNumber(1, LARGEST_ORDER, metadata={"description": "1 is first; beyond the end means last."})


def status_field(**options: Any) -> fields.String:
    """Make the field of a note's status."""
    return fields.String(validate=validate.OneOf(STATUSES), **options)


class ExplanationIn(BaseSchema):
    """The text of a topic."""

    content = Text(0, LONGEST_TEXT, required=True, metadata={"description": "Markdown."})


class CodeSnippetIn(BaseSchema):
    """The code of a topic."""

    language = Text(1, 50, trim=True, required=True)
    code = Text(0, LONGEST_TEXT, required=True)


class SourceIn(BaseSchema):
    """Where the content of a topic comes from."""

    title = Text(0, 255, trim=True, required=True)
    url = Text(
        1,
        2048,
        required=True,
        validate_also=web_address,
        metadata={"format": "uri", "description": "http or https."},
    )


class TopicIn(BaseSchema):
    """A topic within a nested body; the array's order decides its place."""

    name = title_field(required=True)
    explanation = fields.Nested(ExplanationIn, allow_none=True)
    code_snippet = fields.Nested(CodeSnippetIn, allow_none=True)
    source = fields.Nested(SourceIn, allow_none=True)


def topics_field(schema: type[BaseSchema]) -> fields.List[Any]:
    """Make the field of a chapter's topics."""
    return fields.List(
        fields.Nested(schema), validate=validate.Length(max=TOPICS_PER_CHAPTER), load_default=list
    )


def chapters_field(schema: type[BaseSchema]) -> fields.List[Any]:
    """Make the field of a note's chapters."""
    return fields.List(
        fields.Nested(schema), validate=validate.Length(max=CHAPTERS_PER_NOTE), load_default=list
    )


class ChapterIn(BaseSchema):
    """A chapter within a nested body; the array's order decides its place."""

    title = title_field(required=True)
    topics = topics_field(TopicIn)


class NoteIn(BaseSchema):
    """A new note, with or without its chapters and topics."""

    title = title_field(required=True)
    tags = Tags(load_default=list)
    status = status_field(load_default="draft")
    chapters = chapters_field(ChapterIn)


class NoteChange(BaseSchema):
    """Changes to a note; what is left out stays."""

    title = title_field()
    tags = Tags()
    status = status_field()


class ReplacementBase(BaseSchema):
    """What PUT takes: a detail as it was given, whose read-only fields are ignored."""

    read_only: tuple[str, ...] = ("created_at", "updated_at")

    @pre_load
    def _leave_out_read_only(self, data: Any, **options: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        return {name: value for name, value in data.items() if name not in self.read_only}


class ExplanationReplacement(ReplacementBase, ExplanationIn):
    """The text of a topic."""


class CodeSnippetReplacement(ReplacementBase, CodeSnippetIn):
    """The code of a topic."""


class TopicReplacement(ReplacementBase):
    """A topic: with an id the one that is kept, without one a new one."""

    read_only = ("created_at", "updated_at", "order")

    id = Identifier()
    name = title_field(required=True)
    explanation = fields.Nested(ExplanationReplacement, allow_none=True)
    code_snippet = fields.Nested(CodeSnippetReplacement, allow_none=True)
    source = fields.Nested(SourceIn, allow_none=True)


class ChapterReplacement(ReplacementBase):
    """A chapter: with an id the one that is kept, without one a new one."""

    read_only = ("created_at", "updated_at", "order", "note_id")

    id = Identifier()
    title = title_field(required=True)
    topics = topics_field(TopicReplacement)


class NoteReplacement(ReplacementBase):
    """A whole note: rows with an id are kept, others made, absent ones removed."""

    read_only = ("id", "slug", "chapter_count", "topic_count", "created_at", "updated_at")

    title = title_field(required=True)
    tags = Tags(load_default=list)
    status = status_field(load_default="draft")
    chapters = chapters_field(ChapterReplacement)


class NewChapter(ChapterIn):
    """A chapter for an existing note."""

    order = order_field()


class ChapterChange(BaseSchema):
    """Changes to a chapter; what is left out stays."""

    title = title_field()
    order = order_field()


class NewTopic(TopicIn):
    """A topic for an existing chapter."""

    order = order_field()


class TopicChange(BaseSchema):
    """Changes to a topic; what is left out stays, null removes a part."""

    name = title_field()
    order = order_field()
    explanation = fields.Nested(ExplanationIn, allow_none=True)
    code_snippet = fields.Nested(CodeSnippetIn, allow_none=True)
    source = fields.Nested(SourceIn, allow_none=True)


class ChapterOrder(BaseSchema):
    """A chapter and its topics in their new order."""

    id = Identifier(required=True)
    topics = fields.List(Identifier(), required=True, validate=validate.Length(max=40_000))


class NewOrder(BaseSchema):
    """All chapters and all topics of a note, each exactly once."""

    chapters = fields.List(
        fields.Nested(ChapterOrder), required=True, validate=validate.Length(max=CHAPTERS_PER_NOTE)
    )


class BulkAction(BaseSchema):
    """One action on up to 500 notes."""

    ids = fields.List(Identifier(), required=True, validate=validate.Length(1, IDS_PER_BULK))
    action = fields.String(
        required=True, validate=validate.OneOf(["trash", "restore", "tag", "untag", "status"])
    )
    tag = Tag()
    status = status_field()

    @validates_schema
    def _what_the_action_needs(self, data: dict[str, Any], **options: Any) -> None:
        needs = {"tag": "tag", "untag": "tag", "status": "status"}.get(data.get("action", ""))
        if needs and needs not in data:
            raise ValidationError("This action needs it.", needs)
        for name in {"tag", "status"} & set(data):
            if name != needs:
                raise ValidationError("This action does not take it.", name)


class TagName(BaseSchema):
    """The new name of a tag."""

    name = Tag(required=True)


class NoteQuery(PageQuery):
    """Which notes to list, and in which order."""

    status = status_field()
    tag = fields.List(Tag(), metadata={"description": "Repeat it for notes that have all of them."})
    q = Text(0, 500, metadata={"description": "Words anywhere in the note."})
    created_after = Moment()
    created_before = Moment()
    ordering = fields.String(validate=validate.OneOf(list(ORDERINGS)), load_default="-created_at")


class DeleteQuery(BaseSchema):
    """How to delete."""

    permanent = fields.String(
        validate=validate.OneOf(["true", "false"]), load_default="false",
        metadata={"description": "true: for good, past the trash."},
    )  # fmt: skip


class ExplanationOut(ExplanationIn):
    """The text of a topic."""

    updated_at = Moment(required=True)


class CodeSnippetOut(CodeSnippetIn):
    """The code of a topic."""

    updated_at = Moment(required=True)


class TopicOut(BaseSchema):
    """A topic."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)
    order = fields.Integer(required=True)
    explanation = fields.Nested(ExplanationOut, required=True, allow_none=True)
    code_snippet = fields.Nested(CodeSnippetOut, required=True, allow_none=True)
    source = fields.Nested(SourceIn, required=True, allow_none=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class SingleTopic(TopicOut):
    """A topic and where it belongs."""

    chapter_id = fields.Integer(required=True)
    note_id = fields.Integer(required=True)


class ChapterOut(BaseSchema):
    """A chapter with its topics."""

    id = fields.Integer(required=True)
    title = fields.String(required=True)
    order = fields.Integer(required=True)
    topics = fields.List(fields.Nested(TopicOut), required=True)


class SingleChapter(ChapterOut):
    """A chapter and where it belongs."""

    note_id = fields.Integer(required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class NoteOut(BaseSchema):
    """A note without its chapters."""

    id = fields.Integer(required=True)
    title = fields.String(required=True)
    slug = fields.String(required=True)
    tags = fields.List(fields.String(), required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    chapter_count = fields.Integer(required=True)
    topic_count = fields.Integer(required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class NoteDetail(NoteOut):
    """A note with everything in it."""

    chapters = fields.List(fields.Nested(ChapterOut), required=True)


class TrashedNote(NoteOut):
    """A note in the trash."""

    deleted_at = Moment(required=True)


class TagOut(BaseSchema):
    """A tag and on how many notes it is."""

    name = fields.String(required=True)
    count = fields.Integer(required=True)


class BulkResult(BaseSchema):
    """What became of one id; `code` says why not."""

    id = fields.Integer(required=True)
    ok = fields.Boolean(required=True)
    code = fields.String(required=True, allow_none=True)


class BulkResults(BaseSchema):
    """What became of each id."""

    results = fields.List(fields.Nested(BulkResult), required=True)
