"""Who may use Google Drive, and what happens where the operator has not set it up."""

import pytest

from tests.services.drive import scene

from . import expect

ROUTES = [
    ("GET", "/api/drive/connect/", None),
    ("GET", "/api/drive/status/", None),
    ("DELETE", "/api/drive/connection/", None),
    ("POST", "/api/drive/import/", {"file_id": "abc"}),
    ("POST", "/api/notes/1/upload-to-drive/", {"format": "md"}),
    ("POST", "/api/ai-tools/1/upload-to-drive/", {}),
]


@pytest.mark.parametrize("method, path, body", ROUTES)
def test_strangers_are_turned_away(anonymous, method, path, body):
    expect.unauthorized(anonymous.open(path, method=method, json=body))


@pytest.mark.parametrize("method, path, body", [*ROUTES, ("GET", scene.CALLBACK + "?state=x&code=y", None)])
def test_every_route_says_that_drive_is_not_configured(alice, method, path, body):
    expect.problem(alice.open(path, method=method, json=body), 503, code="drive_not_configured")


def test_readiness_says_so_and_is_not_degraded(alice):
    ready = expect.ok(alice.get("/readyz"))
    assert (ready["status"], ready["parts"]["drive"]) == ("ok", "not configured")
