"""What can go wrong at Google, in our words."""

import email.utils
import math
import random
from datetime import UTC, datetime

LONGEST_PAUSE = 3600.0


class GoogleError(Exception):
    """A call to Google that did not do what it should; `code` and `detail` are what the user is told."""

    code = "drive_error"
    detail = "Google Drive did not do what it was asked to."

    def __init__(self, detail: str | None = None, *, code: str | None = None) -> None:
        self.detail = detail or type(self).detail
        self.code = code or type(self).code
        super().__init__(f"{self.code}: {self.detail}")


class GoogleAway(GoogleError):
    """Google cannot be reached, has trouble or answers nonsense; `pause` is how long it asks for, in seconds."""

    code, detail = "drive_away", "Google Drive does not answer just now."

    def __init__(self, detail: str | None = None, *, pause: float | None = None) -> None:
        self.pause = pause
        super().__init__(detail)


class RateLimited(GoogleAway):
    """Google is asked too often."""

    code, detail = "drive_rate_limited", "Google Drive asks for a pause."


class Misconfigured(GoogleAway):
    """Google does not know this server: for the operator to mend."""

    code, detail = "drive_misconfigured", "Google does not accept this server; its administrator has to look."


class AccessExpired(GoogleError):
    """The access token is not taken (401)."""

    code, detail = "drive_access_expired", "Google does not accept our access any more."


class GrantGone(GoogleError):
    """The user's consent is worth nothing any more (`invalid_grant`): only connecting again helps."""

    code, detail = "drive_needs_reconnect", "Connect Google Drive again to go on."


class GoogleRefused(GoogleError):
    """Google says no, and will say so again."""

    code, detail = "drive_refused", "Google Drive refuses this."


class NotThere(GoogleError):
    """There is no such file or session (404, 410)."""

    code, detail = (
        "drive_file_not_found",
        "There is no such file in your Google Drive, or it was not picked for us.",
    )


class AlreadyThere(GoogleError):
    """A file with this id exists (409)."""

    code, detail = "drive_conflict", "There is such a file in your Google Drive already."


# Why Google refuses, by the `reason` of its errors: https://developers.google.com/drive/api/guides/handle-errors
LIMITS = frozenset(
    {
        "rateLimitExceeded",
        "userRateLimitExceeded",
        "dailyLimitExceeded",
        "sharingRateLimitExceeded",
        "quotaExceeded",
    }
)
REFUSALS = {
    "storageQuotaExceeded": (
        "drive_storage_full",
        "Your Google Drive is full: make room there and try again.",
    ),
    "teamDriveFileLimitExceeded": ("drive_storage_full", "This shared drive takes no more files."),
    "insufficientPermissions": (
        "drive_forbidden",
        "NoteAssist may not do this in your Google Drive: connect it again and allow access to files.",
    ),
    "insufficientFilePermissions": ("drive_forbidden", "You may not do this with this file in Google Drive."),
    "appNotAuthorizedToFile": ("drive_forbidden", "This file was not picked for NoteAssist in Google Drive."),
    "cannotDownloadFile": ("drive_forbidden", "The owner of this file does not allow downloads."),
    "domainPolicy": ("drive_forbidden", "The administrators of your Google account do not allow this."),
    "exportSizeLimitExceeded": ("drive_file_too_large", "Google does not export a document of this size."),
}
# The operator's own mistakes at Google, which no user can mend.
OPERATORS = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})


def pause_of(retry_after: str | None) -> float | None:
    """Read a Retry-After header (seconds or a date, RFC 9110 section 10.2.3), from a second to an hour."""
    if not retry_after:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            when = email.utils.parsedate_to_datetime(retry_after)
        except ValueError:
            return None
        aware = when if when.tzinfo else when.replace(tzinfo=UTC)
        seconds = (aware - datetime.now(UTC)).total_seconds()
    return None if math.isnan(seconds) else max(1.0, min(seconds, LONGEST_PAUSE))


def backoff(attempt: int) -> float:
    """Give the pause after an attempt, in seconds: 1 to 30, with jitter."""
    return min(30.0, 2.0 ** min(attempt - 1, 5)) * random.uniform(0.8, 1.2)
