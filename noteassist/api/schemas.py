"""The base of all schemas, and the fields that more than one of them has."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, missing, validate, validates_schema

from noteassist.paging import DEFAULT_SIZE, MAXIMUM_SIZE

LARGEST_ID = 2**63 - 1
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)")


class BaseSchema(Schema):
    """A schema that refuses what it does not know."""

    class Meta:
        """Unknown fields are errors, in bodies and in queries."""

        unknown = RAISE

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.has_usual_names = all(
            field.data_key is None and field.attribute is None for field in self.load_fields.values()
        )

    def _deserialize(
        self, data: Any, *, many: bool = False, partial: Any = None, unknown: Any = RAISE, **options: Any
    ) -> Any:
        """Read what has nothing wrong in it with a third of the library's work; the library reads all else."""
        is_usual = self.has_usual_names and not many and partial is None and unknown == RAISE
        if is_usual and isinstance(data, dict):
            values = self._without_mistake(data)
            if values is not None:
                return values
        return super()._deserialize(data, many=many, partial=partial, unknown=unknown, **options)

    def _without_mistake(self, data: Mapping[str, Any]) -> dict[str, Any] | None:
        """Read an object with the library's fields; None at the first mistake."""
        if not data.keys() <= self.load_fields.keys():
            return None
        values = {}
        try:
            for name, field in self.load_fields.items():
                value = field.deserialize(data.get(name, missing), name, data)
                if value is not missing:
                    values[name] = value
        except ValidationError:
            return None
        return values


class Text(fields.String):
    """Text of bounded length. `trim` takes white space off both ends before it is measured."""

    def __init__(
        self,
        minimum: int = 0,
        maximum: int = 255,
        *,
        trim: bool = False,
        validate_also: Callable[[str], None] | None = None,
        **options: Any,
    ) -> None:
        self.trim, self.maximum = trim, maximum
        checks: list[Any] = [validate.Length(min=minimum, max=maximum)]
        super().__init__(validate=[*checks, *([validate_also] if validate_also else [])], **options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any
    ) -> str:
        text: str = super()._deserialize(value, attr, data, **options)
        if "\0" in text:
            raise ValidationError("NUL characters are not allowed.")
        if len(text) > self.maximum:  # also white space that would be taken off
            raise ValidationError(f"Longer than maximum length {self.maximum}.")
        return text.strip() if self.trim else text

    def _validate(self, value: str) -> None:
        """Check a text; the library makes an object for that each time, which only tells all mistakes together."""
        try:
            for check in self.validators:
                check(value)
        except ValidationError:
            super()._validate(value)


class WholeNumber(fields.Integer):
    """A whole number within bounds; neither a fraction, nor a text, nor true or false."""

    def __init__(self, low: int, high: int, **options: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(low, high), **options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any
    ) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class QueryNumber(fields.Integer):
    """A whole number in a query, written in digits."""

    def __init__(self, low: int, high: int, **options: Any) -> None:
        super().__init__(validate=validate.Range(low, high), **options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any
    ) -> int:
        if not re.fullmatch(r"[0-9]{1,19}", str(value)):
            raise self.make_error("invalid", input=value)
        return int(value)


class Switch(fields.Boolean):
    """True or false, and no other words for them."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any
    ) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Moment(fields.AwareDateTime):
    """A point in time with its offset (RFC 3339)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="iso", **options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any
    ) -> datetime:
        # A plus sign that a client did not escape arrives as a space.
        text = re.sub(r" (\d\d:\d\d)$", r"+\1", str(value))
        if not RFC3339.fullmatch(text):
            raise self.make_error("invalid", input=value, obj_type="RFC 3339 time")
        try:
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self.make_error("invalid", input=value, obj_type="RFC 3339 time") from error


class Identifier(WholeNumber):
    """The id of something."""

    def __init__(self, **options: Any) -> None:
        super().__init__(1, LARGEST_ID, **options)


def web_address(value: str) -> None:
    """Accept http and https URLs only; raises ValidationError."""
    try:
        parts = urlsplit(value)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or re.search(r"[\s\x00-\x1f\x7f]", value):
        raise ValidationError("Not an http or https address.")


class EmptyQuery(BaseSchema):
    """No query parameters at all."""


class PageQuery(BaseSchema):
    """Which page of a list."""

    page_size = QueryNumber(
        1, MAXIMUM_SIZE, load_default=DEFAULT_SIZE, metadata={"description": "Rows a page."}
    )
    cursor = fields.String(metadata={"description": "From `next` or `previous` of another page."})


class ReturnQuery(BaseSchema):
    """What Google sends people back with; it may add more."""

    class Meta:
        """What Google adds is left alone."""

        unknown = EXCLUDE

    state = Text(1, 1024, required=True)
    code = Text(1, 2048)
    error = Text(1, 255)

    @validates_schema
    def require_code_or_error(self, query: dict[str, str], **_: object) -> None:
        """Refuse what has neither or both; raises ValidationError."""
        if ("code" in query) == ("error" in query):
            raise ValidationError({"code": ["Either code or error is needed."]})


def page_of(item: type[Schema]) -> type[Schema]:
    """Make the schema of a page of items."""
    members: dict[str, fields.Field[Any]] = {
        "results": fields.List(fields.Nested(item), required=True),
        "next": fields.String(required=True, allow_none=True),
        "previous": fields.String(required=True, allow_none=True),
    }
    return BaseSchema.from_dict(members, name=f"{item.__name__}Page")


class Problem(BaseSchema):
    """What went wrong (RFC 9457)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True, metadata={"description": "Stable; for programs."})
    request_id = fields.String(required=True)
    errors = fields.Dict(
        keys=fields.String(), metadata={"description": "Of a 422: messages by place and field."}
    )
