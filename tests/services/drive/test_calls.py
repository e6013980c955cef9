"""Calls to Google: their bounds, and what their answers mean."""

from dataclasses import replace
from email.utils import format_datetime

import pytest

from noteassist import db
from noteassist.services.drive import endpoints, sessions
from noteassist.services.drive.calls import Answer, Line
from noteassist.services.drive.trouble import GoogleAway, GoogleRefused, pause_of
from tests.stand_ins.google_faults import CutMiddle, Slow, Trickle

SESSION = "https://www.googleapis.com/upload/drive/v3/files?uploadType=resumable&upload_id=x"


@pytest.fixture
def line(settings):
    """Give a line to the stand-in."""
    with Line(settings) as opened:
        yield opened


@pytest.mark.parametrize("fault", [Trickle(0.05), Slow(5), CutMiddle()], ids=str)
def test_a_call_that_does_not_end_is_cut(settings, line, google, fault):
    url = endpoints.at(settings, endpoints.WHO)
    google.next("who", fault)
    with pytest.raises(GoogleAway):
        line.send("GET", url)
    assert line.send("GET", url).status == 401


def test_an_answer_that_is_too_large_is_refused(settings, line, google):
    with pytest.raises(GoogleRefused):
        line.send("GET", endpoints.at(settings, endpoints.WHO), largest=10)


def test_a_server_that_is_not_there_is_away(settings, google):
    with Line(settings) as line, pytest.raises(GoogleAway):
        line.send("GET", "http://127.0.0.1:9/")


@pytest.mark.parametrize(
    "location",
    [
        "",
        "x",
        "/upload/drive/v3/files",
        "http://www.googleapis.com/upload/drive/v3/files",
        "https://example.org/upload/drive/v3/files",
        "https://googleapis.com.example.org/upload/drive/v3/files",
        "https://www.googleapis.com/other",
    ],
)
def test_a_session_elsewhere_gets_no_token(settings, location):
    with pytest.raises(GoogleAway):
        endpoints.session_at(replace(settings, google_base_url=""), location)


def test_a_session_at_google_is_taken(settings, google):
    assert endpoints.session_at(replace(settings, google_base_url=""), SESSION) == SESSION
    assert endpoints.session_at(settings, SESSION).startswith(f"{google.url}/upload/drive/v3/files?")


@pytest.mark.parametrize(
    "header, bytes_there", [("bytes=0-262143", 262144), ("0-9", 10), ("", 0), ("bytes=5-9", 0), ("x", 0)]
)
def test_how_much_has_arrived_is_read_from_the_range(header, bytes_there):
    answer = Answer(308, {"Range": header}, b"")
    assert sessions.received(answer) == bytes_there


@pytest.mark.parametrize(
    "header, seconds",
    [("7", 7), ("0", 1), ("-5", 1), ("999999", 3600), ("nan", None), ("soon", None), (None, None)],
)
def test_a_pause_is_read_within_bounds(header, seconds):
    assert pause_of(header) == seconds


def test_a_pause_may_be_a_date():
    assert pause_of(format_datetime(db.utcnow(), usegmt=True)) == 1
