"""How a mail leaves: into a folder, or through an SMTP server."""

import smtplib
import ssl
from abc import ABC, abstractmethod
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from urllib.parse import unquote, urlsplit

from noteassist.config import Settings

SMTP_SECONDS = 20


class TransportError(Exception):
    """A mail could not be handed over; `permanent` says that trying again cannot help."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        self.permanent = permanent
        super().__init__(message)


class Transport(ABC):
    """Somewhere a mail can be handed over."""

    @abstractmethod
    def deliver(self, message: EmailMessage) -> None:
        """Hand a mail over; raises TransportError."""


class FolderTransport(Transport):
    """Writes `.eml` files, which mail programs open; for development and for people without a mail server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def deliver(self, message: EmailMessage) -> None:
        """Write one file, whole or not at all."""
        name = message["Message-ID"].strip("<>").partition("@")[0]
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = self.folder / f".{name}.draft"
            draft.write_bytes(message.as_bytes())
            draft.replace(self.folder / f"{name}.eml")
        except OSError as error:
            raise TransportError(f"the outbox folder cannot be written: {error.strerror}") from error


class SmtpTransport(Transport):
    """Hands mails to an SMTP server: `smtps://` by TLS, `smtp://` by STARTTLS wherever a password is sent."""

    def __init__(self, url: str) -> None:
        self.parts = urlsplit(url)

    def deliver(self, message: EmailMessage) -> None:
        """Send one mail; a 5xx answer is permanent."""
        try:
            with self._connected() as server:
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise TransportError("the recipient was refused", permanent=min(codes) >= 500) from error
        except smtplib.SMTPResponseException as error:
            permanent = error.smtp_code >= 500 and not isinstance(error, smtplib.SMTPAuthenticationError)
            raise TransportError(
                f"the mail server answered {error.smtp_code}", permanent=permanent
            ) from error
        except (OSError, smtplib.SMTPException) as error:
            raise TransportError(f"the mail server cannot be reached: {type(error).__name__}") from error

    def _connected(self) -> smtplib.SMTP:
        host, port = self.parts.hostname or "localhost", self.parts.port
        context = ssl.create_default_context()
        if self.parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port or 465, timeout=SMTP_SECONDS, context=context)
        else:
            server = smtplib.SMTP(host, port or 25, timeout=SMTP_SECONDS)
            server.ehlo()
            if self.parts.username or server.has_extn("starttls"):
                server.starttls(context=context)
        if self.parts.username:
            server.login(unquote(self.parts.username), unquote(self.parts.password or ""))
        return server


def transport_of(settings: Settings) -> Transport:
    """Choose the transport that the settings ask for."""
    if settings.smtp_url:
        return SmtpTransport(settings.smtp_url)
    return FolderTransport(settings.instance_dir / "outbox")


MAIL_POLICY = SMTP.clone(max_line_length=200, cte_type="8bit")
