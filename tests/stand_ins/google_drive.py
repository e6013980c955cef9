"""The Drive behind the stand-in for Google: its accounts, tokens, files and upload sessions."""

import hashlib
import itertools
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.stand_ins.google_oidc import id_token

CLIENT = {"client_id": "client-of-tests", "client_secret": "secret-of-tests"}
SCOPES = "openid email https://www.googleapis.com/auth/drive.file"
UNIT = 256 * 1024


class Refused(Exception):
    """Google says no."""

    def __init__(self, status: int, reason: str = "", message: str = "", **oauth: str) -> None:
        self.status, self.reason, self.oauth = status, reason, oauth
        super().__init__(message or reason or str(status))


@dataclass
class Account:
    """A Google account."""

    sub: str = "1000"
    email: str = "alice@gmail.example"


@dataclass
class Code:
    """A code that may be exchanged once."""

    account: Account
    challenge: str
    redirect_uri: str
    scope: str
    nonce: str = ""


@dataclass
class Grant:
    """A consent: its refresh token, until it is revoked."""

    account: Account
    scope: str
    refresh_token: str
    is_revoked: bool = False


@dataclass
class DriveFile:
    """A file; `versions` counts how often its bytes were written."""

    id: str
    name: str
    media_type: str
    content: bytes
    owner: str
    versions: int = 1

    def resource(self) -> dict[str, Any]:
        """Give the file as Drive's API shows it."""
        shown = {
            "id": self.id,
            "name": self.name,
            "mimeType": self.media_type,
            "webViewLink": f"https://drive.google.com/file/d/{self.id}/view",
        }
        if self.media_type.startswith("application/vnd.google-apps."):
            return shown
        md5 = hashlib.md5(self.content, usedforsecurity=False).hexdigest()
        return shown | {"size": str(len(self.content)), "md5Checksum": md5}


@dataclass
class Session:
    """A resumable upload."""

    file_id: str
    name: str
    media_type: str
    total: int
    owner: str
    received: bytearray = field(default_factory=bytearray)


class Google:
    """Everything that Google remembers; for one thread at a time, under `lock`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.account = Account()
        self.token_life = 3599
        # What is granted where it is less than what was asked for.
        self.granted_scope: str | None = None
        self.denies = False
        # What ID tokens say otherwise than they should, and how they are signed otherwise.
        self.claims: dict[str, Any] = {}
        self.signing: dict[str, str] = {}
        self.codes: dict[str, Code] = {}
        self.grants: dict[str, Grant] = {}
        self.access: dict[str, tuple[Grant, float]] = {}
        self.files: dict[str, DriveFile] = {}
        self.deleted: set[str] = set()
        self.sessions: dict[str, Session] = {}
        self.ids_drawn: set[str] = set()
        self._numbers = itertools.count(1)

    def consent(self, query: Mapping[str, str]) -> dict[str, str]:
        """Let somebody allow access; gives the parameters of the way back."""
        wanted = {"response_type": "code"}
        if "drive.file" in query.get("scope", ""):
            wanted |= {"access_type": "offline", "prompt": "consent"}
        wanted |= {"code_challenge_method": "S256", "client_id": CLIENT["client_id"]}
        wrong = [name for name, value in wanted.items() if query.get(name) != value]
        if wrong or not query.get("code_challenge") or not query.get("state"):
            raise Refused(400, "invalid_request", f"wrong: {', '.join(wrong)}")
        if self.denies:
            return {"error": "access_denied", "state": query["state"]}
        code = f"4/{secrets.token_urlsafe(24)}"
        scope = self.granted_scope or query["scope"]
        nonce = query.get("nonce", "")
        challenge, back = query["code_challenge"], query["redirect_uri"]
        self.codes[code] = Code(self.account, challenge, back, scope, nonce)
        return {"state": query["state"], "code": code, "scope": scope, "authuser": "0", "prompt": "consent"}

    def token(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Exchange a code, or renew an access token."""
        if {name: form.get(name) for name in CLIENT} != CLIENT:
            raise Refused(401, error="invalid_client")
        if form.get("grant_type") == "refresh_token":
            grant = self.grants.get(form.get("refresh_token", ""))
            if grant is None or grant.is_revoked:
                raise Refused(400, error="invalid_grant", error_description="Token has been revoked.")
            return self._access_token(grant)
        code = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = urlsafe_b64encode(digest).decode().rstrip("=")
        if code is None or code.challenge != challenge or code.redirect_uri != form.get("redirect_uri"):
            raise Refused(400, error="invalid_grant", error_description="Malformed auth code.")
        grant = Grant(code.account, code.scope, f"1//{secrets.token_urlsafe(32)}")
        self.grants[grant.refresh_token] = grant
        given = self._access_token(grant) | {"refresh_token": grant.refresh_token, "scope": grant.scope}
        return given | {"id_token": self._id_token(code)}

    def _id_token(self, code: Code) -> str:
        claims = {
            "aud": CLIENT["client_id"],
            "sub": code.account.sub,
            "email": code.account.email,
            "email_verified": True,
            "name": "Alice at Google",
            "nonce": code.nonce,
        }
        return id_token(claims | self.claims, **self.signing)

    def _access_token(self, grant: Grant) -> dict[str, Any]:
        token = f"ya29.{secrets.token_urlsafe(32)}"
        self.access[token] = (grant, time.time() + self.token_life)
        return {
            "access_token": token,
            "expires_in": self.token_life,
            "token_type": "Bearer",
            "scope": grant.scope,
        }

    def expire_access(self) -> None:
        """Let no access token be good any more, though they do not know it."""
        self.access.clear()

    def revoke_all(self) -> None:
        """Let every user take their consent back."""
        self.access.clear()
        for grant in self.grants.values():
            grant.is_revoked = True

    def revoke(self, token: str) -> None:
        """Forget a consent."""
        grant = self.grants.get(token)
        if grant is None or grant.is_revoked:
            raise Refused(400, error="invalid_token")
        grant.is_revoked = True

    def owner(self, authorization: str) -> Account:
        """Say whose token this is."""
        grant, until = self.access.get(authorization.removeprefix("Bearer "), (None, 0.0))
        if grant is None or grant.is_revoked or until < time.time():
            raise Refused(401, "authError", "Invalid Credentials")
        return grant.account

    def draw_id(self) -> str:
        """Draw the id of a file to come."""
        drawn = f"1{next(self._numbers):04}{secrets.token_urlsafe(20)}"
        self.ids_drawn.add(drawn)
        return drawn

    def start(
        self, account: Account, about: Mapping[str, Any], headers: Mapping[str, str], replaced: str
    ) -> str:
        """Start a session that makes a file, or replaces the bytes of one; gives its id."""
        file_id = replaced or str(about.get("id") or self.draw_id())
        if replaced and self.file(account, replaced) is None:
            raise Refused(404, "notFound")
        if not replaced and (file_id in self.files or file_id in self.deleted):
            raise Refused(409, "fileIdInUse", "A file already exists with the provided ID.")
        if file_id not in self.ids_drawn:
            raise Refused(400, "invalid", "The provided file ID is not usable.")
        session_id = secrets.token_urlsafe(16)
        media_type = headers.get("x-upload-content-type", "application/octet-stream")
        total = int(headers.get("x-upload-content-length", "0"))
        self.sessions[session_id] = Session(file_id, str(about.get("name")), media_type, total, account.sub)
        return session_id

    def put(self, session: Session, first: int, body: bytes) -> DriveFile | None:
        """Take bytes; gives the file when it is whole."""
        is_last = first + len(body) == session.total
        if first != len(session.received) or (len(body) % UNIT and not is_last):
            raise Refused(
                400, "badContent", f"{first} is not {len(session.received)}, or no multiple of 256 KiB"
            )
        session.received += body
        return self.completed(session)

    def completed(self, session: Session) -> DriveFile | None:
        """Make the file of a session that has everything."""
        if len(session.received) < session.total:
            return None
        content, old = bytes(session.received), self.files.get(session.file_id)
        if old is None or old.content != content:
            versions = 1 if old is None else old.versions + 1
            self.files[session.file_id] = DriveFile(
                session.file_id, session.name, session.media_type, content, session.owner, versions
            )
        return self.files[session.file_id]

    def file(self, account: Account, file_id: str) -> DriveFile | None:
        """Find a file of an account."""
        found = self.files.get(file_id)
        return found if found is not None and found.owner == account.sub else None

    def add_file(self, name: str, content: bytes, media_type: str = "text/markdown") -> str:
        """Put a file into the Drive of the account; gives its id."""
        file_id = self.draw_id()
        self.files[file_id] = DriveFile(file_id, name, media_type, content, self.account.sub)
        return file_id

    def delete_file(self, file_id: str) -> None:
        """Delete a file for good: its id is never free again."""
        del self.files[file_id]
        self.deleted.add(file_id)
