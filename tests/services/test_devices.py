"""Devices are named by what they say of themselves."""

import pytest

from noteassist.services.devices import LONGEST, device_name

MOZILLA = "Mozilla/5.0"
KHTML = "AppleWebKit/537.36 (KHTML, like Gecko)"
NAMES = {
    f"{MOZILLA} (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox on Linux",
    f"{MOZILLA} (Windows NT 10.0; Win64; x64) {KHTML} Chrome/140.0 Safari/537.36": "Chrome on Windows",
    f"{MOZILLA} (Windows NT 10.0; Win64; x64) {KHTML} Chrome/140.0 Safari/537.36 Edg/140.0": "Edge on Windows",
    f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 Version/18 Safari/605": "Safari on macOS",
    f"{MOZILLA} (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Safari/604": "Safari on iPhone",
    f"{MOZILLA} (Linux; Android 15; Pixel 9) {KHTML} Chrome/140.0 Mobile Safari/537.36": "Chrome on Android",
    "curl/8.5.0": "curl",
    "python-requests/2.34": "python-requests",
    "": "Unknown device",
    "???": "Unknown device",
    "<script>alert(1)</script>": "Unknown device",
}


@pytest.mark.parametrize(("said", "name"), NAMES.items())
def test_a_device_has_a_readable_name(said, name):
    assert device_name(said) == name


def test_a_name_is_short():
    assert len(device_name("x" * 10_000)) == LONGEST


def test_the_list_of_sessions_shows_it(app, alice):
    said = f"{MOZILLA} (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    body = {"email": alice.email, "password": alice.password}
    alice.post("/api/auth/token/", json=body, headers={"User-Agent": said})
    newest = alice.get("/api/auth/sessions/").json["results"][0]
    assert (newest["device"], newest["device_name"]) == (said, "Firefox on Linux")
