"""The accounts that the fuzz acts for, each of which finds its way back in when its session was ended."""

import itertools
import json
import re
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

PASSWORDS = tuple(f"plum kettle window {number} orbit" for number in range(4))
TOKEN = re.compile(r"^Token: (\S+)", re.MULTILINE)
# Everybody's mail lies in one folder; what is further back is taken for lost.
MAILS_READ = 300
_numbers = itertools.count(1)


def call(url: str, method: str, body: Any = None, token: str = "") -> tuple[int, Any]:
    """Send JSON; gives the status and the JSON that came back."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")


class Person:
    """An account whose e-mail, password and session are known at every time."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.name = name
        self.lock = threading.RLock()
        self.email = self.password = self.access = self.refresh = ""
        self.needs_session = True

    def token(self) -> str:
        """Give an access token that is good as far as is known."""
        with self.lock:
            if self.needs_session:
                self._come_in()
            return self.access

    def _come_in(self) -> None:
        """Sign in; register anew where the account is gone or its password was changed by somebody else."""
        status: int = 0
        answer: Any = None
        if self.email:
            credentials = {"email": self.email, "password": self.password}
            status, answer = call(f"{self.url}/api/auth/token/", "POST", credentials)
        if status != 200:
            self.email, self.password = f"{self.name}-{next(_numbers)}@example.org", PASSWORDS[0]
            account = {"email": self.email, "password": self.password, "name": self.name}
            status, answer = call(f"{self.url}/api/auth/register/", "POST", account)
        if status not in (200, 201):
            raise RuntimeError(f"{self.name} cannot sign in: {status} {answer}")
        self.access, self.refresh = answer["access"], answer["refresh"]
        self.needs_session = False

    def lost(self, token: str) -> None:
        """Take note that a token of mine is not good any more."""
        with self.lock:
            self.needs_session = self.needs_session or token == self.access

    def password_became(self, password: object) -> None:
        """Take note of my new password, where it is one that was meant for me; a reset ends my sessions."""
        with self.lock:
            if isinstance(password, str) and password in PASSWORDS:
                self.password = password
                self.needs_session = True

    def refreshed(self, used: object, pair: dict[str, str]) -> None:
        """Take note that my refresh token was exchanged for a new pair."""
        with self.lock:
            if used == self.refresh:
                self.access, self.refresh = pair["access"], pair["refresh"]

    def other_password(self) -> str:
        """Give a strong password that is not mine."""
        return PASSWORDS[(PASSWORDS.index(self.password) + 1) % len(PASSWORDS)]

    def mailed_token(self, outbox: Path, kind: str) -> str | None:
        """Give the token of the newest mail of a kind to me, if there is any."""
        for path in sorted(outbox.glob(f"*.{kind}.eml"), reverse=True)[:MAILS_READ]:
            text = path.read_text(errors="replace")
            if self.email in text and (token := TOKEN.search(text)):
                return token.group(1)
        return None


def furnish(person: Person) -> None:
    """Give a person a few notes, one of them in the trash, so that reading finds something."""
    topic = {
        "name": "Paging",
        "explanation": {"content": "# Paging\n\nMemory in pages."},
        "code_snippet": {"language": "c", "code": "int main(void) { return 0; }"},
        "source": {"title": "A book", "url": "https://example.org/book"},
    }
    chapters = [
        {"title": "Memory", "topics": [topic, {"name": "Segments"}]},
        {"title": "Files", "topics": []},
    ]
    for number, status in enumerate(("draft", "published", "archived", "draft")):
        note = {
            "title": f"Note {number}",
            "tags": ["exam", f"t{number}"],
            "status": status,
            "chapters": chapters,
        }
        code, made = call(f"{person.url}/api/notes/", "POST", note, person.token())
        if code != 201:
            raise RuntimeError(f"a note cannot be made: {code} {made}")
    call(f"{person.url}/api/notes/{made['id']}/", "DELETE", token=person.token())
