"""The people of the tests, and the mail they get."""

import email
import email.policy
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from noteassist.app import NoteAssist
from noteassist.worker.runner import Runner

PASSWORD = "correct horse battery staple"


class ApiClient:
    """A client of the whole WSGI application, front door included; it sends its access token if it has one."""

    def __init__(self, app: NoteAssist, session: dict[str, Any] | None = None, password: str = "") -> None:
        self.app = app
        self.password = password
        self.access = session["access"] if session else ""
        self.refresh = session["refresh"] if session else ""
        self.user: dict[str, Any] = session["user"] if session else {}
        self.email = self.user.get("email", "")

    @classmethod
    def signed_in(cls, app: NoteAssist, address: str, password: str) -> "ApiClient":
        """Sign in."""
        answer = cls(app).post("/api/auth/token/", json={"email": address, "password": password})
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return cls(app, answer.json, password)

    def open(self, path: str, *, method: str = "GET", headers: Any = None, **options: Any) -> TestResponse:
        """Send a request."""
        sent = dict(headers or {})
        if self.access and not any(name.lower() == "authorization" for name in sent):
            sent["Authorization"] = f"Bearer {self.access}"
        client = self.app.test_client(use_cookies=False)
        # Read as a whole and closed, unless a test wants to see it arrive.
        return client.open(path, method=method, headers=sent, **{"buffered": True, **options})

    def get(self, path: str, **options: Any) -> TestResponse:
        """Send a GET."""
        return self.open(path, method="GET", **options)

    def head(self, path: str, **options: Any) -> TestResponse:
        """Send a HEAD."""
        return self.open(path, method="HEAD", **options)

    def post(self, path: str, **options: Any) -> TestResponse:
        """Send a POST."""
        return self.open(path, method="POST", **options)

    def put(self, path: str, **options: Any) -> TestResponse:
        """Send a PUT."""
        return self.open(path, method="PUT", **options)

    def patch(self, path: str, **options: Any) -> TestResponse:
        """Send a PATCH."""
        return self.open(path, method="PATCH", **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        """Send a DELETE."""
        return self.open(path, method="DELETE", **options)

    def options(self, path: str, **options: Any) -> TestResponse:
        """Send an OPTIONS."""
        return self.open(path, method="OPTIONS", **options)


def register(app: NoteAssist, *, email: str, password: str = PASSWORD, name: str = "") -> ApiClient:
    """Register an account; gives its client."""
    body = {"email": email, "password": password, "name": name}
    answer = ApiClient(app).post("/api/auth/register/", json=body)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return ApiClient(app, answer.json, password)


def do_all_due(runner: Runner) -> int:
    """Do every task that is due, one after the other; gives their number."""
    done = 0
    while runner.work():
        done += 1
    return done


class Mailbox:
    """All mail of a test."""

    def __init__(self, app: NoteAssist, folder: Path) -> None:
        self.app = app
        self.folder = folder

    def to(self, address: str) -> list[EmailMessage]:
        """Deliver what is due; gives the mails to this address, oldest first."""
        settings = replace(self.app.config["SETTINGS"], instance_dir=self.folder.parent)
        do_all_due(Runner(self.app, settings))
        messages = [self._read(path) for path in sorted(self.folder.glob("*.eml"))]
        return [message for message in messages if message["To"] == address]

    def token(self, address: str) -> str:
        """Give the token of the newest mail to this address."""
        for message in reversed(self.to(address)):
            for line in message.get_content().splitlines():
                if line.startswith("Token: "):
                    return str(line.removeprefix("Token: ")).strip()
        raise AssertionError(f"no token was mailed to {address}")

    def _read(self, path: Path) -> EmailMessage:
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message
