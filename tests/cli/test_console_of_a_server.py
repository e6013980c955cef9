"""The console of a server as it is started, through a real client that keeps cookies."""

import re

import pytest

from tests.live import LiveServer
from tests.people import PASSWORD


@pytest.fixture
def server(tmp_path):
    """A server on an empty folder, where the first account is its administrator."""
    with LiveServer(tmp_path, {"NOTEASSIST_ENV": "development"}) as running:
        yield running


def test_an_administrator_signs_in_looks_around_and_signs_out(server):
    server.sign_up("root@example.com")
    browser = server.client(headers={"Origin": server.url})
    first = browser.get("/admin/users/")
    assert (first.status_code, first.headers["Location"]) == (303, "/admin/sign-in/?next=/admin/users/")
    form = {"email": "root@example.com", "password": PASSWORD, "next": "/admin/users/"}
    signed_in = browser.post("/admin/sign-in/", data=form)
    assert (signed_in.status_code, signed_in.headers["Location"]) == (303, "/admin/users/")
    page = browser.get("/admin/users/")
    assert page.status_code == 200 and "root@example.com" in page.text
    # The cookie goes to the console alone.
    assert "Cookie" not in browser.get("/api/auth/me/").request.headers
    token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', page.text)[1]
    assert browser.post("/admin/sign-out/", data={"csrf_token": token}).status_code == 303
    assert browser.get("/admin/users/").status_code == 303
    assert "tasks run in the server" not in browser.get("/admin/rq/").text
