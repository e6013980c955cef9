"""A browser at the console: it keeps cookies, follows forms, and sends what browsers send."""

import re
from html import unescape

from werkzeug.test import Client

from tests.people import PASSWORD

HOST = "http://localhost"
OWN = {"Origin": HOST, "Sec-Fetch-Site": "same-origin"}
SIGN_IN = "/admin/sign-in/"


class Browser:
    """A client of the whole application with a jar of cookies."""

    def __init__(self, app):
        self.client = Client(app)

    def get(self, path, **options):
        """Open a page."""
        return self.client.get(path, **{"buffered": True, **options})

    def post(self, path, form=None, headers=OWN):
        """Send a form as it is given."""
        return self.client.post(path, data=form or {}, headers=headers, buffered=True)

    def submit(self, page, path, **form):
        """Send the form of a page with the token that stands in it."""
        return self.post(path, {"csrf_token": token_in(self.get(page)), **form})

    def sign_in(self, email, password=PASSWORD, **more):
        """Sign in."""
        return self.post(SIGN_IN, {"email": email, "password": password, "otp": "", **more})


def text(answer):
    return unescape(answer.get_data(as_text=True))


def token_in(answer):
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', answer.get_data(as_text=True))
    assert found, text(answer)[:2000]
    return found[1]
