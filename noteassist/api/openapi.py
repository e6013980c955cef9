"""The OpenAPI document: what flask-smorest gathered, completed by what holds everywhere."""

from functools import cache
from typing import Any

from noteassist.api.answers import to_json
from noteassist.api.schemas import Problem
from noteassist.errors import PROBLEM_MEDIA_TYPE
from noteassist.extensions import api

PARAMETER_TYPES = {"id": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}}
PROBLEMS = {
    400: "The body is not JSON, or a cursor is not from this server.",
    401: "Not signed in, or not any more.",
    403: "You may not do this, or an API key that you use may not (`insufficient_scope`).",
    404: "It does not exist, or not for you.",
    409: "It contradicts what stands, or the same request is still running.",
    412: "`If-Match` names a state that is gone.",
    413: "The body is over the size limit.",
    415: "The body is not JSON.",
    422: "Well-formed, but not valid.",
    429: "More than your limit allows; `Retry-After` says when to come back.",
    502: "The AI provider gave no usable answer.",
    503: "The database cannot be reached, is locked or too slow; or what was asked for is switched off or busy.",
    504: "The AI provider did not answer in time.",
}
LIMIT_HEADERS = {
    "RateLimit-Limit": {
        "description": "Requests of the window that is nearest to its end.",
        "schema": {"type": "integer"},
    },
    "RateLimit-Remaining": {"description": "What is left of them.", "schema": {"type": "integer"}},
    "RateLimit-Reset": {"description": "Seconds until more come free.", "schema": {"type": "integer"}},
}
RETRY_AFTER = {
    "Retry-After": {"description": "Seconds until a try makes sense.", "schema": {"type": "integer"}}
}
INTRODUCTION = """\
Study notes over REST: a note has chapters, a chapter has topics.

- **Signing in**: `POST /api/auth/register/` or `POST /api/auth/token/`, then send `Authorization: Bearer <access>`.
- **API keys**: `POST /api/auth/api-keys/` makes one for a program, which sends it as `X-API-Key`.
- **Errors** are `application/problem+json` with a stable `code`.
- **Lists** are pages: follow `next`.
- **Editing**: send the `ETag` you have as `If-Match`, and a write that would overwrite another is refused with 412.
- **Limits**: `RateLimit-*` say what is left; 429 comes with `Retry-After`.
- **Retrying**: send an `Idempotency-Key` with a POST, and it has its effect once.
"""
API_KEYS = """\
A key of `/api/auth/api-keys/`. The scope that it needs stands at each operation: `read` for GET, `ai` for calls of AI
tools, `write` for the rest; where no key is named, none may do it. Sent together with an access token it is refused."""


@cache
def document() -> bytes:
    """Give the document as JSON; it is the same for every application of this release."""
    if "Problem" not in api.spec.components.schemas:
        api.spec.components.schema("Problem", schema=Problem)
    content = api.spec.to_dict()
    content["info"]["description"] = INTRODUCTION
    # What flask-smorest would answer; we answer Problem, and pages with links.
    content["components"].pop("responses", None)
    for unused in ("Error", "PaginationMetadata"):
        content["components"]["schemas"].pop(unused, None)
    content["servers"] = [{"url": "/"}]
    schemes = content.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["bearer"] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    schemes["apiKey"] = {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": API_KEYS}
    for path, item in content["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and "responses" in operation:
                _complete(path, method, operation, item.get("parameters", []))
    return to_json(content)


def _complete(path: str, method: str, operation: dict[str, Any], shared: list[dict[str, Any]]) -> None:
    parameters = operation.setdefault("parameters", [])
    parameters += operation.pop("x-headers", [])
    for status in operation.pop("x-refusals", []):
        operation["responses"][str(status)] = {
            "description": PROBLEMS[status],
            "content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    for status, response in operation["responses"].items():
        if status == "429" or status.startswith("2"):
            response["headers"] = {**LIMIT_HEADERS, **(RETRY_AFTER if status == "429" else {})}
    for parameter in (*parameters, *shared):
        if parameter.get("in") == "path" and parameter["name"].endswith("_id"):
            parameter["schema"] = dict(PARAMETER_TYPES["id"])
    words = [word.strip("{}") for word in path.split("/") if word and word != "api"]
    operation["operationId"] = "_".join([method, *words]).replace("-", "_")
    # Every answer that carries no body says so by having no content.
    for status in ("204", "304"):
        if status in operation["responses"]:
            operation["responses"][status].pop("content", None)
    operation["responses"].pop("default", None)
