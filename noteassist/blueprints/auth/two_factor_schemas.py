"""What the routes of two-factor sign-in take and give."""

from marshmallow import fields

from noteassist.api.schemas import BaseSchema, Text


class SecretOut(BaseSchema):
    """A secret for an authenticator application, in three forms."""

    secret = fields.String(required=True, metadata={"description": "Base32, to be typed in."})
    otpauth_uri = fields.String(required=True)
    qr_svg = fields.String(required=True, metadata={"description": "The same as a QR code, as SVG."})


class OtpIn(BaseSchema):
    """A one-time password."""

    otp = Text(1, 64, required=True, load_only=True)


class DisableIn(OtpIn):
    """A one-time password or a recovery code, and the account's password where it has one."""

    password = Text(1, 1024, load_only=True)


class CodesOut(BaseSchema):
    """Recovery codes: each is accepted once instead of a one-time password."""

    recovery_codes = fields.List(fields.String(), required=True)
