"""The errors of the domain, each with its HTTP status and a stable machine-readable code; no Flask here."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

PROBLEM_MEDIA_TYPE = "application/problem+json"

FieldErrors = Mapping[str, Any]


class AppError(Exception):
    """An expected refusal; raising it rolls the request's transaction back."""

    status: int = 500
    code: str = "internal_error"
    message: str = "Something went wrong on our side."

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        errors: FieldErrors | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.extra = dict(extra or {})
        self.detail = message or self.message
        self.code = code or type(self).code
        self.errors = errors
        self.headers = dict(headers or {})
        super().__init__(self.detail)


class MalformedRequest(AppError):
    """The bytes sent are not what they claim to be."""

    status, code, message = 400, "malformed_request", "The request cannot be read."


class InvalidCursor(AppError):
    """A page cursor that this server did not hand out for this very list."""

    status, code, message = 400, "invalid_cursor", "This cursor was not made for this list."


class NotAuthenticated(AppError):
    """No credentials, or ones that are not valid any more."""

    status, code, message = 401, "not_authenticated", "Sign in to do this."

    def __init__(self, message: str | None = None, *, code: str | None = None) -> None:
        challenge = 'Bearer realm="noteassist"'
        if code == "invalid_token":
            challenge += ', error="invalid_token"'
        super().__init__(message, code=code, headers={"WWW-Authenticate": challenge})


class InvalidCredentials(NotAuthenticated):
    """The e-mail and the password do not belong together."""

    code, message = "invalid_credentials", "E-mail or password is wrong."


class RefreshReused(NotAuthenticated):
    """A refresh token came back after it had been used: its session is ended."""

    code, message = "refresh_reused", "This refresh token was used before; its session has been ended."


class Forbidden(AppError):
    """The caller is known but may not do this."""

    status, code, message = 403, "forbidden", "You may not do this."


class SignupClosed(Forbidden):
    """Registration is switched off on this server."""

    code, message = "signup_closed", "This server does not take new registrations."


class EmailNotVerified(Forbidden):
    """The operator asks for a verified address, and this account has none."""

    code, message = "email_not_verified", "Verify your e-mail address first."


class NotFound(AppError):
    """It does not exist, or not for this caller; the answer never tells which."""

    status, code, message = 404, "not_found", "There is nothing here."


class Conflict(AppError):
    """The request contradicts what stands."""

    status, code, message = 409, "conflict", "This contradicts what stands."


class EmailTaken(Conflict):
    """Another account has this e-mail address."""

    code, message = "email_taken", "An account with this e-mail address exists."


class LastAdmin(Conflict):
    """Without this account nobody could administer the server."""

    code, message = "last_admin", "This is the last active administrator; make somebody else one first."


class StorageFull(Conflict):
    """The files that are kept for the caller leave no room for another one."""

    code, message = (
        "storage_full",
        "Your files on this server leave no room for this one; wait until some expire.",
    )


class PreconditionFailed(AppError):
    """If-Match names a state that is gone."""

    status, code, message = 412, "precondition_failed", "It has changed since you read it; read it again."


class BodyTooLarge(AppError):
    """The body is over the size limit."""

    status, code, message = 413, "body_too_large", "The request body is too large."


class BodyTooSlow(AppError):
    """The body does not come; what may still come of it is no request, so the connection ends."""

    status, code, message = 408, "body_too_slow", "The request body came too slowly."

    def __init__(self) -> None:
        super().__init__(headers={"Connection": "close"})


class FileTooLarge(AppError):
    """A file is larger than the server keeps."""

    status, code, message = 413, "file_too_large", "This file is larger than the server keeps."


class UnsupportedMediaType(AppError):
    """The body is of a type that this path does not take."""

    status, code, message = 415, "unsupported_media_type", "Send the body as application/json."


class Unprocessable(AppError):
    """Well-formed, but not valid."""

    status, code, message = 422, "validation_error", "The request is not valid; see errors."


class IdempotencyKeyReused(AppError):
    """The same Idempotency-Key came with a different request."""

    status, code, message = (
        422,
        "idempotency_key_reused",
        "This Idempotency-Key was used for another request.",
    )


class ImportRefused(AppError):
    """A file that notes cannot be made of; the code says why (`noteassist/services/imports/refusals.py`)."""

    status, code, message = 422, "import_unreadable", "This file cannot be imported."


class TooManyRequests(AppError):
    """The caller sends requests faster than allowed."""

    status, code, message = 429, "too_many_requests", "Too many requests; try again later."


class QuotaExceeded(TooManyRequests):
    """The caller has used what this hour allows."""

    code, message = "quota_exceeded", "You have used your quota of this hour."


class AiNotConfigured(AppError):
    """The operator has set up no AI provider."""

    status, code, message = 503, "ai_not_configured", "AI tools are not set up on this server."


class SpendingCapReached(AppError):
    """The instance has spent today what its operator allows."""

    status, code, message = (
        503,
        "ai_spending_cap_reached",
        "This server has spent today what it may spend on AI calls; try again tomorrow.",
    )

    def __init__(self, seconds: int) -> None:
        super().__init__(headers={"Retry-After": str(seconds)})


class DriveNotConfigured(AppError):
    """The operator has set up no client at Google."""

    status, code, message = 503, "drive_not_configured", "Google Drive is not set up on this server."


class DriveUnavailable(AppError):
    """Google does not answer, or not as it should."""

    status, code, message = 503, "drive_unavailable", "Google does not answer just now; try again."

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, headers={"Retry-After": "5"})


class DriveNotConnected(Conflict):
    """The caller has connected no Google Drive."""

    code, message = "drive_not_connected", "Connect Google Drive first."


class DriveStateInvalid(MalformedRequest):
    """The way back from Google does not belong to a way there: forged, foreign, used before or expired."""

    code, message = "drive_state_invalid", "This link to Google Drive is not valid; begin again."


class DriveCodeInvalid(MalformedRequest):
    """Google does not accept the code that came back."""

    code, message = "drive_code_invalid", "Google does not accept this; connect Google Drive again."


class DriveDenied(Forbidden):
    """The user did not allow access at Google."""

    code, message = "drive_denied", "Access to Google Drive was not allowed."


class SandboxUnavailable(AppError):
    """Programs cannot be isolated on this machine, or the operator does not want them run."""

    status, code, message = 503, "sandbox_unavailable", "This server cannot run code safely, so it runs none."


class SandboxBusy(AppError):
    """As many programs are running as may be at once."""

    status, code, message = 503, "sandbox_busy", "Other programs are running; try again."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "2"})


class LanguageUnavailable(AppError):
    """The interpreter of a language that we know is not installed."""

    status, code, message = 503, "language_unavailable", "This language is not installed on this server."


class TaskNotDone(AppError):
    """A task that was waited for has ended without success; `status` says whose fault that was."""

    code = "task_failed"

    def __init__(self, status: int, code: str, message: str, task_id: str) -> None:
        super().__init__(message, code=code, extra={"task_id": task_id})
        self.status = status


class TooManyStreams(AppError):
    """All threads for event streams are taken."""

    status, code, message = (
        503,
        "too_many_streams",
        "Too many event streams are open; ask from time to time instead.",
    )

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "5"})


class DatabaseUnavailable(AppError):
    """The database cannot be reached, is locked or is too slow."""

    status, code, message = 503, "database_unavailable", "The database is not available; try again."

    def __init__(self, message: str | None = None, *, retry_after: int = 2) -> None:
        super().__init__(message, headers={"Retry-After": str(retry_after)})


class ServerBusy(AppError):
    """All request threads have been busy for a while."""

    status, code, message = 503, "server_busy", "The server is busy; try again."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


def status_title(status: int) -> str:
    """Name an HTTP status in words, as RFC 9110 does."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def problem(
    status: int, code: str, detail: str, request_id: str, errors: FieldErrors | None = None
) -> dict[str, Any]:
    """Make the body of an error answer (RFC 9457)."""
    body: dict[str, Any] = {
        "type": f"urn:noteassist:problem:{code}",
        "title": status_title(status),
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }
    if errors is not None:
        body["errors"] = errors
    return body
