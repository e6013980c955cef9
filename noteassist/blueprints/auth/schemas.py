"""What the account routes take and give."""

import re
import zoneinfo
from collections.abc import Mapping
from functools import cache
from typing import Any

from marshmallow import ValidationError, fields, validate

from noteassist.api.schemas import BaseSchema, Moment, Switch, Text, WholeNumber, web_address
from noteassist.security.passwords import MAXIMUM_LENGTH, MINIMUM_LENGTH

LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-[A-Za-z0-9]{5,8})*")


@cache
def time_zones() -> frozenset[str]:
    """Give the names of the IANA time zones."""
    return frozenset(zoneinfo.available_timezones()) - {"localtime"}


def time_zone(value: str) -> None:
    """Accept IANA time zones only; raises ValidationError."""
    if value not in time_zones():
        raise ValidationError("Not an IANA time zone, such as Europe/Lisbon.")


def language_tag(value: str) -> None:
    """Accept BCP 47 language tags only; raises ValidationError."""
    if not LANGUAGE_TAG.fullmatch(value):
        raise ValidationError("Not a BCP 47 language tag, such as en or pt-BR.")


class EmailAddress(fields.Email):
    """An e-mail address of at most 254 characters, without control characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=validate.Length(max=254), **options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any
    ) -> str:
        address = value.strip() if isinstance(value, str) else value
        text: str = super()._deserialize(address, attr, data, **options)
        if re.search(r"[\s\x00-\x1f\x7f]", text):
            raise self.make_error("invalid")
        return text


def secret_text(maximum: int = 1024) -> Text:
    """Make a field for a password or token, which no documentation shows."""
    return Text(1, maximum, required=True, load_only=True)


def new_password() -> Text:
    """Make a field for a new password; the service checks it, and says what is wrong in its own words."""
    bounds = {"minLength": MINIMUM_LENGTH, "maxLength": MAXIMUM_LENGTH}
    return Text(1, 1024, required=True, load_only=True, metadata=bounds)


class ProfileSchema(BaseSchema):
    """What a user tells about themselves."""

    bio = Text(0, 2000)
    avatar_url = Text(0, 2048, metadata={"description": "http or https, or empty."})
    timezone = Text(1, 64, metadata={"description": "IANA time zone."})
    language = Text(1, 35, metadata={"description": "BCP 47."})
    daily_goal = WholeNumber(0, 1000, metadata={"description": "Topics a day."})


class NotificationSettings(BaseSchema):
    """Which notifications a user wants."""

    email_reminders = Switch()
    weekly_summary = Switch()
    product_news = Switch()
    ai_completed = Switch()


class UserSchema(BaseSchema):
    """An account with its profile."""

    id = fields.Integer(required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)
    is_email_verified = fields.Boolean(required=True)
    role = fields.String(required=True, validate=validate.OneOf(["user", "admin"]))
    subscription_tier = fields.String(required=True, validate=validate.OneOf(["FREE", "BASIC", "PRO"]))
    two_factor_enabled = fields.Boolean(required=True)
    created_at = Moment(required=True)
    last_login_at = Moment(required=True, allow_none=True)
    profile = fields.Nested(ProfileSchema, required=True)
    notification_settings = fields.Nested(NotificationSettings, required=True)


class TokenPair(BaseSchema):
    """A pair of tokens; `expires_in` is the access token's life in seconds."""

    access = fields.String(required=True)
    refresh = fields.String(required=True)
    expires_in = fields.Integer(required=True)


class SignedIn(TokenPair):
    """A pair of tokens and whose they are."""

    user = fields.Nested(UserSchema, required=True)


class Registration(BaseSchema):
    """A new account."""

    email = EmailAddress(required=True)
    password = new_password()
    name = Text(0, 255, trim=True)


class Credentials(BaseSchema):
    """An e-mail and a password; `otp` where two-factor sign-in is on."""

    email = Text(1, 1024, required=True)
    password = secret_text()
    otp = Text(1, 64)


class RefreshBody(BaseSchema):
    """A refresh token."""

    refresh = secret_text()


class TokenBody(BaseSchema):
    """A mailed token."""

    token = secret_text()


class EmailBody(BaseSchema):
    """An e-mail address."""

    email = EmailAddress(required=True)


class EmailChange(BaseSchema):
    """A new address, and the password that allows it."""

    password = secret_text()
    email = EmailAddress(required=True)


class PasswordReset(BaseSchema):
    """A new password, and the mailed token that allows it."""

    token = secret_text()
    password = new_password()


class PasswordChange(BaseSchema):
    """A new password, and the one it replaces."""

    current_password = secret_text()
    password = new_password()


class ClosingBody(BaseSchema):
    """The account's password; for an account that has none, the token that was mailed."""

    password = Text(1, 1024, load_only=True)
    token = Text(1, 1024, load_only=True)


class ProfileChange(ProfileSchema):
    """Changes to a profile."""

    avatar_url = Text(0, 2048, validate_also=lambda value: web_address(value) if value else None)
    timezone = Text(1, 64, validate_also=time_zone)
    language = Text(1, 35, validate_also=language_tag)


class AccountChange(BaseSchema):
    """Changes to one's account; what is left out stays."""

    name = Text(0, 255, trim=True)
    profile = fields.Nested(ProfileChange)
    notification_settings = fields.Nested(NotificationSettings)


class Accepted(BaseSchema):
    """It was taken and will be done."""

    message = fields.String(required=True)


class SessionSchema(BaseSchema):
    """A signed-in device."""

    id = fields.Integer(required=True)
    device = fields.String(required=True, metadata={"description": "As it names itself."})
    device_name = fields.String(required=True, metadata={"description": "In a few words."})
    ip = fields.String(required=True)
    created_at = Moment(required=True)
    last_seen_at = Moment(required=True)
    current = fields.Boolean(required=True)
