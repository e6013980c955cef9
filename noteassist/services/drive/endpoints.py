"""Where Google is (https://accounts.google.com/.well-known/openid-configuration, and Drive's API v3)."""

from urllib.parse import quote, urlsplit, urlunsplit

from noteassist.config import Settings
from noteassist.services.drive.trouble import GoogleAway

CONSENT = "https://accounts.google.com/o/oauth2/v2/auth"
TOKEN = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address
REVOKE = "https://oauth2.googleapis.com/revoke"
WHO = "https://openidconnect.googleapis.com/v1/userinfo"
KEYS = "https://www.googleapis.com/oauth2/v3/certs"
FILES = "https://www.googleapis.com/drive/v3/files"
UPLOAD = "https://www.googleapis.com/upload/drive/v3/files"
GOOGLES = ".googleapis.com"


def at(settings: Settings, address: str) -> str:
    """Give one of Google's addresses as this server reaches it: GOOGLE_BASE_URL replaces scheme and host."""
    if not settings.google_base_url:
        return address
    parts = urlsplit(address)
    return settings.google_base_url + urlunsplit(("", "", parts.path, parts.query, ""))


def file_at(settings: Settings, file_id: str) -> str:
    """Give the address of a file in Drive, whatever its id is made of."""
    return f"{at(settings, FILES)}/{quote(file_id, safe='')}"


def session_at(settings: Settings, location: str) -> str:
    """Give the address of an upload session that Google named; raises GoogleAway unless it is Google's own.

    Our token goes there, so nobody on the way may name another host.
    """
    parts = urlsplit(location)
    if not parts.path.startswith("/upload/"):
        raise GoogleAway("Google's answer cannot be read.")
    if settings.google_base_url:
        return at(settings, location)
    if parts.scheme != "https" or not (parts.hostname or "").endswith(GOOGLES):
        raise GoogleAway("Google's answer cannot be read.")
    return location


def sign_in_url(settings: Settings) -> str:
    """Give the address to which Google sends back who signs in; it has to be registered there too."""
    return f"{settings.public_url}/api/auth/google/callback/"


def callback_url(settings: Settings) -> str:
    """Give the address to which Google sends people back; it has to be registered there."""
    return f"{settings.public_url}/api/drive/callback/"
