"""Query parameters: unknown, repeated and impossible ones are refused."""

import pytest

from . import expect

LISTS = ["/api/notes/", "/api/notes/trash/", "/api/tags/", "/api/auth/sessions/"]


@pytest.mark.parametrize("path", [*LISTS, "/api/auth/me/"])
def test_an_unknown_query_parameter_is_refused_by_name(alice, path):
    expect.invalid(alice.get(path + "?pagesize=5"), "pagesize", where="query")


def test_an_unknown_query_parameter_of_a_detail_is_refused(alice, path):
    expect.invalid(alice.get(path + "?expand=all"), "expand", where="query")


def test_a_write_with_an_unknown_query_parameter_writes_nothing(alice, note, path):
    expect.invalid(alice.post("/api/notes/?dry_run=true", json={"title": "x"}), "dry_run", where="query")
    expect.invalid(alice.patch(path + "?force=1", json={"title": "x"}), "force", where="query")
    expect.invalid(alice.delete(path + "?forever=1"), "forever", where="query")
    assert [row["title"] for row in expect.walk(alice, "/api/notes/")] == [note["title"]]


@pytest.mark.parametrize(
    "name, value",
    [
        ("status", "draft"),
        ("q", "a"),
        ("ordering", "title"),
        ("page_size", "5"),
        ("created_after", "2024-01-01T00:00:00Z"),
    ],
)
def test_a_repeated_query_parameter_is_refused(alice, name, value):
    expect.invalid(alice.get("/api/notes/", query_string=[(name, value), (name, value)]), name, where="query")


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("size", ["0", "101", "-1", "abc", "1.5", "", "1e1", str(10**30)])
def test_a_page_size_outside_1_to_100_is_refused(alice, path, size):
    expect.invalid(alice.get(path, query_string={"page_size": size}), "page_size", where="query")


@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize("path", LISTS)
def test_the_ends_of_the_page_size_are_allowed(alice, path, size):
    expect.ok(alice.get(path, query_string={"page_size": size}))


@pytest.mark.parametrize(
    "name, value",
    [
        ("status", "secret"),
        ("status", "DRAFT"),
        ("status", ""),
        ("ordering", "slug"),
        ("ordering", "-title; drop table notes"),
        ("ordering", "created_at,title"),
        ("created_after", "yesterday"),
        ("created_after", "2024-02-30T00:00:00Z"),
        ("created_before", "2024-13-01T00:00:00Z"),
        ("created_before", "1700000000000000000000"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(alice, name, value):
    expect.invalid(alice.get("/api/notes/", query_string={name: value}), name, where="query")


@pytest.mark.parametrize("name", ["q", "tag", "status", "created_after", "ordering"])
def test_nul_in_a_parameter_is_refused(alice, name):
    expect.invalid(alice.get(f"/api/notes/?{name}=a%00b"), name, where="query")


@pytest.mark.parametrize("raw", ["q=%ff", "q=%ed%a0%80", "tag=%c3", "%ff=1", "q=%"])
def test_bytes_that_are_not_utf8_in_the_query_never_break_the_server(alice, raw):
    response = alice.get("/api/notes/?" + raw)
    assert response.status_code in (200, 400, 422)


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1969-12-31T23:59:59.999999Z"]
)
def test_the_ends_of_time_are_times_too(alice, note, moment):
    after = expect.ids(expect.walk(alice, f"/api/notes/?created_after={moment}"))
    before = expect.ids(expect.walk(alice, f"/api/notes/?created_before={moment}"))
    assert (after, before) == (([], [note["id"]]) if moment.startswith("9999") else ([note["id"]], []))


@pytest.mark.parametrize("value", ["maybe", "2", ""])
def test_permanent_is_yes_or_no(alice, path, value):
    expect.invalid(alice.delete(path, query_string={"permanent": value}), "permanent", where="query")
    assert alice.get(path).status_code == 200
