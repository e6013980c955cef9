"""The description that the server gives of itself agrees with the contract."""

import re

import pytest

from . import expect

PUBLIC = {
    "POST /api/auth/register/",
    "POST /api/auth/token/",
    "POST /api/token/",
    "POST /api/auth/token/refresh/",
    "POST /api/token/refresh/",
    "POST /api/auth/verify-email/",
    "POST /api/auth/password/forgot/",
    "POST /api/auth/password/reset/",
}
PRIVATE = {
    "POST /api/auth/logout/",
    "POST /api/auth/logout-all/",
    "POST /api/auth/email/change/",
    "POST /api/auth/password/change/",
    "GET /api/auth/me/",
    "PATCH /api/auth/me/",
    "DELETE /api/auth/me/",
    "GET /api/auth/sessions/",
    "DELETE /api/auth/sessions/{}/",
    "GET /api/notes/",
    "POST /api/notes/",
    "GET /api/notes/{}/",
    "PUT /api/notes/{}/",
    "PATCH /api/notes/{}/",
    "DELETE /api/notes/{}/",
    "POST /api/notes/{}/chapters/",
    "POST /api/notes/{}/reorder/",
    "POST /api/notes/{}/duplicate/",
    "POST /api/notes/{}/restore/",
    "POST /api/notes/bulk/",
    "GET /api/notes/trash/",
    "GET /api/chapters/{}/",
    "PATCH /api/chapters/{}/",
    "DELETE /api/chapters/{}/",
    "POST /api/chapters/{}/topics/",
    "GET /api/topics/{}/",
    "PATCH /api/topics/{}/",
    "DELETE /api/topics/{}/",
    "GET /api/tags/",
    "PATCH /api/tags/{}/",
    "DELETE /api/tags/{}/",
    "GET /api/admin/overview/",
    "GET /api/admin/users/",
    "GET /api/admin/users/{}/",
    "PATCH /api/admin/users/{}/",
    "GET /api/admin/ai-usage/",
    "GET /api/admin/system-stats/",
    "GET /api/admin/tasks/",
    "POST /api/admin/tasks/{}/retry/",
    "POST /api/admin/tasks/{}/cancel/",
    "GET /api/admin/audit-log/",
}
CONDITIONAL = {
    name for name in PRIVATE if re.match(r"(PUT|PATCH|DELETE) /api/(notes|chapters|topics)/", name)
}
CREATING = {name for name in PRIVATE if re.match(r"POST .*/(notes|chapters|topics|duplicate)/$", name)}


@pytest.fixture
def description(anonymous):
    """The OpenAPI document, read without signing in."""
    return expect.ok(anonymous.get("/api/openapi.json"))


@pytest.fixture
def operations(description):
    """Its operations as {"GET /api/notes/{}/": operation}, each with all its parameters."""
    return {
        f"{method.upper()} {re.sub('{[^}]*}', '{}', path)}": {
            **operation,
            "parameters": item.get("parameters", []) + operation.get("parameters", []),
        }
        for path, item in description["paths"].items()
        for method, operation in item.items()
        if method in ("get", "post", "put", "patch", "delete")
    }


def resolved(description, value):
    """What a reference points to."""
    while "$ref" in value:
        target = description
        for part in value["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        value = target
    return value


def references(value):
    """Every reference in the document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value
        for inner in value.values():
            yield from references(inner)
    if isinstance(value, list):
        for inner in value:
            yield from references(inner)


def parameters(description, operation, place):
    """The names of the parameters of an operation in the path, the query or the header."""
    found = [resolved(description, parameter) for parameter in operation["parameters"]]
    return {parameter["name"].lower() for parameter in found if parameter["in"] == place}


def test_it_is_openapi_3_1(description):
    assert description["openapi"].startswith("3.1")
    assert description["info"]["title"] and description["info"]["version"]


def test_every_reference_points_to_something(description):
    for reference in references(description):
        assert resolved(description, reference) is not None


@pytest.mark.parametrize("name", sorted(PUBLIC | PRIVATE))
def test_every_operation_of_the_contract_is_described(operations, name):
    assert operations[name]["responses"]


def test_no_two_operations_share_a_name(operations):
    names = [operation["operationId"] for operation in operations.values() if "operationId" in operation]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", sorted(PRIVATE))
def test_what_needs_a_token_says_so(description, operations, name):
    operation = operations[name]
    assert "401" in operation["responses"]
    assert operation.get("security", description.get("security"))


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_what_needs_no_token_says_so(description, operations, name):
    security = operations[name].get("security", description.get("security", []))
    assert not security or {} in security


@pytest.mark.parametrize("name", sorted(name for name in PRIVATE if "/admin/" in name))
def test_what_is_for_administrators_says_so(operations, name):
    assert "403" in operations[name]["responses"]


@pytest.mark.parametrize("name", sorted(name for name in PRIVATE if "{}" in name))
def test_what_has_an_id_may_be_missing(description, operations, name):
    assert "404" in operations[name]["responses"]
    assert parameters(description, operations[name], "path")


def test_what_takes_a_body_says_how_it_is_refused(operations):
    for name, operation in operations.items():
        if name in PUBLIC | PRIVATE and "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= set(operation["responses"]), name


@pytest.mark.parametrize("name", sorted(name for name in PRIVATE if name.startswith("GET")))
def test_what_is_read_may_be_unchanged(operations, name):
    assert {"200", "304"} <= set(operations[name]["responses"])


@pytest.mark.parametrize("name", sorted(CONDITIONAL))
def test_edits_take_a_condition(description, operations, name):
    assert "412" in operations[name]["responses"]
    assert "if-match" in parameters(description, operations[name], "header")


@pytest.mark.parametrize("name", sorted(CREATING))
def test_what_creates_takes_a_key_and_answers_201(description, operations, name):
    assert {"201", "409", "422"} <= set(operations[name]["responses"])
    assert "idempotency-key" in parameters(description, operations[name], "header")


@pytest.mark.parametrize("name", ["/api/notes/", "/api/notes/trash/", "/api/tags/", "/api/auth/sessions/"])
def test_lists_take_a_page_size_and_a_cursor(description, operations, name):
    assert {"page_size", "cursor"} <= parameters(description, operations[f"GET {name}"], "query")


def test_the_list_of_notes_takes_its_filters(description, operations):
    filters = {"status", "tag", "q", "created_after", "created_before", "ordering"}
    assert filters <= parameters(description, operations["GET /api/notes/"], "query")


def test_every_refusal_is_described_as_a_problem(description, operations):
    for name in PUBLIC | PRIVATE:
        for status, response in operations[name]["responses"].items():
            if status.startswith(("4", "5")):
                content = resolved(description, response).get("content", {})
                assert expect.PROBLEM in content, f"{name} {status}"


def test_every_deletion_is_a_204_without_content(description, operations):
    for name in sorted(name for name in PRIVATE if name.startswith("DELETE") and "/me/" not in name):
        response = resolved(description, operations[name]["responses"]["204"])
        assert "content" not in response, name


def test_the_limits_of_a_title_are_described(description):
    schemas = description["components"]["schemas"]
    limits = [
        resolved(description, schema["properties"]["title"])
        for schema in schemas.values()
        if "title" in schema.get("properties", {}) and "tags" in schema["properties"]
    ]
    assert any(limit.get("maxLength") == 255 and limit.get("minLength") == 1 for limit in limits)


def test_it_names_no_host(description):
    assert all("localhost" not in server["url"] for server in description.get("servers", []))
