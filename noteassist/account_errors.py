"""The errors of who is somebody: API keys, one-time passwords, Google accounts."""

from noteassist.errors import (
    AppError,
    Conflict,
    Forbidden,
    MalformedRequest,
    NotAuthenticated,
    TooManyRequests,
)


class InsufficientScope(Forbidden):
    """The API key was not made for this, or no API key may do it."""

    code, message = "insufficient_scope", "This API key may not do this."


class OtpRequired(NotAuthenticated):
    """The password is right, and the account asks for a one-time password as well."""

    code, message = "otp_required", "This account asks for a one-time password too; send it as `otp`."


class GoogleOtpRequired(OtpRequired):
    """Google says who it is, and the account asks for a one-time password as well; `ticket` is sent with it."""

    message = (
        "This account asks for a one-time password too; send it with this ticket to /api/auth/google/otp/."
    )

    def __init__(self, ticket: str) -> None:
        super().__init__()
        self.extra = {"ticket": ticket}


class ConfirmationMailed(NotAuthenticated):
    """An account without a password has to prove itself by a token, which is mailed now."""

    code, message = "confirmation_mailed", "A token was mailed to you; send it as `token` to go on."


class InvalidOtp(NotAuthenticated):
    """A one-time password or recovery code is wrong, or was used before."""

    code, message = "invalid_otp", "This one-time password is wrong, or was used before."


class TwoFactorOn(Conflict):
    """Two-factor sign-in is on already."""

    code, message = "two_factor_on", "Two-factor sign-in is on; switch it off first."


class TwoFactorNotOn(Conflict):
    """Two-factor sign-in is off."""

    code, message = "two_factor_off", "Two-factor sign-in is off."


class TwoFactorNotSetUp(Conflict):
    """There is no secret that a one-time password could confirm."""

    code, message = "two_factor_not_set_up", "Set two-factor sign-in up first."


class TooManyKeys(Conflict):
    """The caller has as many API keys as one may have."""

    code, message = "too_many_keys", "You have as many API keys as one may have; revoke one first."


class TooManyOtps(TooManyRequests):
    """Too many wrong one-time passwords were tried for an account."""

    code, message = "too_many_otps", "Too many wrong one-time passwords; try again later."


class EncryptionNotConfigured(AppError):
    """A secret would have to be kept, and the operator has set no key to encrypt it with."""

    status, code, message = (
        503,
        "encryption_not_configured",
        "This server has no encryption keys, so it keeps no secrets of this kind.",
    )


class GoogleNotConfigured(AppError):
    """The operator has set up no client at Google."""

    status, code, message = 503, "google_not_configured", "Signing in with Google is not set up here."


class GoogleUnavailable(AppError):
    """Google does not answer somebody who signs in, or not as it should."""

    status, code, message = 503, "google_unavailable", "Google does not answer just now; try again."

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, headers={"Retry-After": "5"})


class GoogleStateInvalid(MalformedRequest):
    """The way back from Google does not belong to a way there: forged, used before or expired."""

    code, message = "google_state_invalid", "This sign-in with Google is not valid; begin again."


class GoogleCodeInvalid(MalformedRequest):
    """What came back from Google does not prove who somebody is."""

    code, message = "google_code_invalid", "Google does not confirm who you are; begin again."


class GoogleDenied(Forbidden):
    """The user did not want to sign in at Google."""

    code, message = "google_denied", "Signing in was not allowed at Google."


class AccountClosed(Forbidden):
    """The account that belongs to a Google account is closed or disabled."""

    code, message = "account_closed", "This account is closed."


class GoogleAccountDiffers(Conflict):
    """The account with this e-mail address belongs to another account at Google."""

    code, message = "google_account_differs", "This e-mail address signs in with another Google account."
