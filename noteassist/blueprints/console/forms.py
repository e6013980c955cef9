"""Reading the console's queries and forms, by the same schemas as the API's."""

from collections.abc import Mapping
from typing import Any

from flask import request
from marshmallow import Schema, ValidationError

from noteassist.errors import Unprocessable
from noteassist.security.console import CSRF_FIELD

SWITCHES: Mapping[str, Any] = {"true": True, "false": False}


def checked_query(schema: type[Schema]) -> dict[str, Any]:
    """Read the query; a filter that was left empty is none. Raises Unprocessable."""
    return _checked(schema, {name: value for name, value in request.args.items() if value.strip()}, "query")


def checked_form(schema: type[Schema]) -> dict[str, Any]:
    """Read the form; raises Unprocessable."""
    given = {name: SWITCHES.get(value, value) for name, value in request.form.items() if name != CSRF_FIELD}
    return _checked(schema, given, "form")


def _checked(schema: type[Schema], given: Mapping[str, Any], place: str) -> dict[str, Any]:
    try:
        values: dict[str, Any] = schema().load(given)
    except ValidationError as error:
        messages: Any = error.messages
        raise Unprocessable(errors={place: messages}) from error
    return values
