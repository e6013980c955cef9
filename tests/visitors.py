"""People who use a server over connections that a test chooses."""

import json
from collections.abc import Mapping
from typing import Any

from tests.people import PASSWORD
from tests.wires import Answer, Headers, Wire

Json = Any


class Person:
    """Somebody with an account, and one session of it."""

    def __init__(self, email: str, session: Mapping[str, Any]) -> None:
        self.email = email
        self.access, self.refresh, self.user = session["access"], session["refresh"], session["user"]

    @classmethod
    def signed_up(cls, wire: Wire, email: str) -> "Person":
        """Open an account."""
        answer = send(wire, "POST", "/api/auth/register/", {"email": email, "password": PASSWORD})
        assert answer.status == 201, answer
        return cls(email, answer.json)

    @property
    def headers(self) -> dict[str, str]:
        """What every request of theirs carries."""
        return {"Authorization": f"Bearer {self.access}"}

    def ask(self, wire: Wire, method: str, path: str, body: Json = None, **headers: str) -> Answer:
        """Send a request over a connection, with a JSON body where there is one."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return send(wire, method, path, body, {**self.headers, **named})

    def get(self, wire: Wire, path: str, **headers: str) -> Answer:
        """Read."""
        return self.ask(wire, "GET", path, **headers)

    def do(self, wire: Wire, method: str, path: str, body: Json = None) -> Json:
        """Send a request that must succeed; gives what was answered."""
        answer = self.ask(wire, method, path, body)
        assert answer.status in {200, 201, 202, 204}, answer
        return answer.json if answer.body else None

    def again(self, wire: Wire) -> "Person":
        """Sign in once more; gives the same person in another session."""
        answer = send(wire, "POST", "/api/auth/token/", {"email": self.email, "password": PASSWORD})
        assert answer.status == 200, answer
        return Person(self.email, answer.json)


def send(wire: Wire, method: str, path: str, body: Json = None, headers: Headers = ()) -> Answer:
    """Send a request with a JSON body where there is one."""
    if body is None:
        return wire.ask(method, path, headers)
    sent = {**dict(headers), "Content-Type": "application/json"}
    return wire.ask(method, path, sent, json.dumps(body).encode())
