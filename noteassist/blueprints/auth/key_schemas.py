"""What the routes of API keys take and give."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from noteassist.api.schemas import BaseSchema, Moment, Text, WholeNumber

SCOPES = ("read", "write", "ai")
MOST_AN_HOUR, MOST_A_DAY = 1_000_000, 10_000_000


def scopes_field(**options: Any) -> fields.List[Any]:
    """Make a field for the scopes of a key: at least one, each once."""
    return fields.List(
        fields.String(validate=validate.OneOf(SCOPES)),
        validate=[validate.Length(min=1, max=len(SCOPES)), _each_once],
        metadata={"uniqueItems": True, "description": "`read`: GET; `ai`: AI calls; `write`: the rest."},
        **options,
    )


def _each_once(scopes: list[str]) -> None:
    """Refuse a scope that is named twice; raises ValidationError."""
    if len(set(scopes)) < len(scopes):
        raise ValidationError("Name each scope once.")


class KeyChange(BaseSchema):
    """Changes to a key; what is left out stays."""

    name = Text(1, 100, trim=True)
    scopes = scopes_field()
    requests_per_hour = WholeNumber(1, MOST_AN_HOUR)
    requests_per_day = WholeNumber(1, MOST_A_DAY)
    expires_at = Moment(allow_none=True)


class KeyIn(KeyChange):
    """A key that is to be made."""

    name = Text(1, 100, trim=True, required=True)
    scopes = scopes_field(required=True)
    requests_per_hour = WholeNumber(1, MOST_AN_HOUR, load_default=100)
    requests_per_day = WholeNumber(1, MOST_A_DAY, load_default=1000)


class KeyOut(BaseSchema):
    """A key, without what it opens with."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)
    prefix = fields.String(required=True, metadata={"description": "How the key begins."})
    scopes = fields.List(fields.String(validate=validate.OneOf(SCOPES)), required=True)
    requests_per_hour = fields.Integer(required=True)
    requests_per_day = fields.Integer(required=True)
    expires_at = Moment(required=True, allow_none=True)
    last_used = Moment(
        required=True, allow_none=True, metadata={"description": "At most a minute old while it is used."}
    )
    created_at = Moment(required=True)


class KeyMade(KeyOut):
    """A key that was just made; `key` is shown this once."""

    key = fields.String(required=True)
