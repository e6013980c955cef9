"""OAuth 2 with Google: consent, tokens, revocation (RFC 6749, 7636, 7009), over our own lines.

Authlib does the protocol. Its ready-made HTTP clients have no deadline, and which HTTP library they stand on depends
on what else is installed; so it is given a session of ours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Client, OAuth2Error  # type: ignore[import-untyped]  # ships no types

from noteassist import db
from noteassist.config import Settings
from noteassist.services.drive import endpoints
from noteassist.services.drive.calls import Answer, Line
from noteassist.services.drive.trouble import GoogleAway, GrantGone, Misconfigured

SCOPE = "https://www.googleapis.com/auth/drive.file"
SCOPES = f"openid email {SCOPE}"
IDENTITY_SCOPES = "openid email profile"
# Google says 3,599 s; what says nothing is asked anew soon.
USUAL_LIFE = 300
# A token is not used in its last moments: it would expire on its way.
MARGIN = timedelta(seconds=60)


@dataclass(frozen=True)
class Grant:
    """What Google gave: tokens, and what they are good for. `refresh_token` is None where the old one stays."""

    access_token: str
    refresh_token: str | None
    expires_at: datetime
    scopes: frozenset[str]


@dataclass(frozen=True)
class GoogleAccount:
    """Whose Drive it is: `sub` stays the same for ever."""

    sub: str
    email: str


class _Session:
    """What Authlib posts with."""

    def __init__(self, line: Line) -> None:
        self.line = line

    def post(self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: Any) -> "_Reply":
        """Post a form; raises GoogleAway unless the answer is a JSON object."""
        url, signed, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        answer = self.line.send("POST", url, headers=signed, content=body.encode())
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in {403, 404, 408, 429}:
            raise answer.error() if isinstance(answer.error(), GoogleAway) else GoogleAway()
        return _Reply(answer)


@dataclass(frozen=True)
class _Reply:
    """An answer as Authlib reads it."""

    answer: Answer

    @property
    def status_code(self) -> int:
        return self.answer.status

    def json(self) -> dict[str, Any]:
        return self.answer.json()


def _client(settings: Settings, line: Line | None = None, redirect_uri: str | None = None) -> Any:
    return OAuth2Client(
        _Session(line) if line else None,
        settings.google_client_id,
        settings.google_client_secret,
        token_endpoint_auth_method="client_secret_post",  # noqa: S106  # how, not what
        redirect_uri=redirect_uri or endpoints.callback_url(settings),
        code_challenge_method="S256",
    )


def consent_url(settings: Settings, *, state: str, verifier: str) -> str:
    """Give the address where somebody allows us into their Drive, for good (`offline`)."""
    address = endpoints.at(settings, endpoints.CONSENT)
    url, _ = _client(settings).create_authorization_url(
        address, state=state, code_verifier=verifier, scope=SCOPES, access_type="offline", prompt="consent"
    )
    return str(url)


def sign_in_url(settings: Settings, *, state: str, verifier: str, nonce: str) -> str:
    """Give the address where somebody tells us who they are (OpenID Connect)."""
    address = endpoints.at(settings, endpoints.CONSENT)
    client = _client(settings, redirect_uri=endpoints.sign_in_url(settings))
    url, _ = client.create_authorization_url(
        address,
        state=state,
        code_verifier=verifier,
        scope=IDENTITY_SCOPES,
        nonce=nonce,
        prompt="select_account",
    )
    return str(url)


def fetch_id_token(settings: Settings, line: Line, *, code: str, verifier: str) -> str:
    """Exchange the code of who signs in for their ID token; raises GrantGone for one that is not good, GoogleAway."""
    address = endpoints.at(settings, endpoints.TOKEN)
    values = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
    client = _client(settings, line, endpoints.sign_in_url(settings))
    token = _asked(lambda: client.fetch_token(address, **values)).get("id_token")
    if not isinstance(token, str) or not token:
        raise GoogleAway("Google's answer cannot be read.")
    return token


def fetch_keys(settings: Settings, line: Line) -> list[dict[str, Any]]:
    """Give the keys that Google signs ID tokens with (RFC 7517); raises GoogleError."""
    keys = line.send("GET", endpoints.at(settings, endpoints.KEYS)).checked().json().get("keys")
    if not isinstance(keys, list):
        raise GoogleAway("Google's answer cannot be read.")
    return [key for key in keys if isinstance(key, dict)]


def exchange(settings: Settings, line: Line, *, code: str, verifier: str) -> Grant:
    """Exchange the code that came back; raises GrantGone for a code that is not good, GoogleAway."""
    address = endpoints.at(settings, endpoints.TOKEN)
    values = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
    return _granted(lambda: _client(settings, line).fetch_token(address, **values))


def refresh(settings: Settings, line: Line, refresh_token: str) -> Grant:
    """Get a new access token; raises GrantGone when the consent is worth nothing any more, GoogleAway."""
    address = endpoints.at(settings, endpoints.TOKEN)
    return _granted(
        lambda: _client(settings, line).fetch_token(
            address, grant_type="refresh_token", refresh_token=refresh_token
        )
    )


def _asked(ask: Callable[[], Any]) -> Mapping[str, Any]:
    """Ask the token endpoint; raises GoogleError."""
    try:
        token: Mapping[str, Any] = ask()
    except OAuth2Error as error:
        raise _oauth_error(str(error.error)) from error
    except ValueError as error:
        raise GoogleAway("Google's answer cannot be read.") from error
    return token


def _granted(ask: Callable[[], Any]) -> Grant:
    token = _asked(ask)
    access, renewed = token.get("access_token"), token.get("refresh_token")
    if not isinstance(access, str) or not access:
        raise GoogleAway("Google's answer cannot be read.")
    seconds = token.get("expires_in")
    life = seconds if isinstance(seconds, int) and seconds > 0 else USUAL_LIFE
    scopes = frozenset(str(token.get("scope", "")).split())
    return Grant(access, renewed or None, db.utcnow() + timedelta(seconds=life), scopes)


def _oauth_error(name: str) -> Exception:
    """Say what an error of the token endpoint means (RFC 6749 section 5.2)."""
    if name == "invalid_grant":
        return GrantGone()
    if name in {"invalid_client", "unauthorized_client", "redirect_uri_mismatch", "invalid_request"}:
        return Misconfigured()
    return GoogleAway()


def revoke(settings: Settings, line: Line, refresh_token: str) -> None:
    """Have Google forget a consent; one that it does not know is forgotten already. Raises GoogleAway."""
    url = endpoints.at(settings, endpoints.REVOKE)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = line.send("POST", url, headers=headers, content=urlencode({"token": refresh_token}).encode())
    if answer.status != HTTPStatus.BAD_REQUEST:
        answer.checked()


def ask_who(settings: Settings, line: Line, access_token: str) -> GoogleAccount:
    """Ask whose account it is (OpenID Connect's userinfo); raises GoogleError."""
    answer = line.send("GET", endpoints.at(settings, endpoints.WHO), token=access_token).checked()
    return GoogleAccount(answer.text_of("sub")[:255], answer.text_of("email")[:320])
