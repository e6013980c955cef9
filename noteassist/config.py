"""Every setting of the server: one frozen, typed object, read from the environment and checked as a whole."""

import ipaddress
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

Environment = Literal["development", "production", "testing"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MINIMUM_SECRET_LENGTH = 32
MASK = "********"


class BadConfiguration(Exception):
    """The environment does not make a valid configuration; `problems` lists every reason."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("Bad configuration:\n" + "\n".join(f"  - {line}" for line in problems))


def parse_text(text: str) -> str:
    """Take any text."""
    return text


def parse_switch(text: str) -> bool:
    """Read a switch: 1/0, true/false, yes/no, on/off."""
    switches = {"1": True, "true": True, "yes": True, "on": True}
    switches |= {"0": False, "false": False, "no": False, "off": False}
    if text.lower() not in switches:
        raise ValueError("is not a switch: use 1/0, true/false, yes/no or on/off")
    return switches[text.lower()]


def parse_number(low: int, high: int) -> Callable[[str], int]:
    """Make a reader of whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"is not a whole number from {low} to {high}")
        return int(text)

    return parse


def parse_choice(*choices: str) -> Callable[[str], str]:
    """Make a reader that takes one of the words given."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"is none of {', '.join(choices)}")
        return text

    return parse


def parse_url(*schemes: str) -> Callable[[str], str]:
    """Make a reader of URLs of the given schemes, without a slash at the end."""

    def parse(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in schemes or not (parts.netloc or parts.path):
            raise ValueError(f"is not a URL that starts with {' or '.join(s + '://' for s in schemes)}")
        return text.rstrip("/") if parts.scheme.startswith("http") else text

    return parse


def parse_database_url(text: str) -> str:
    """Read a database URL; `postgres://` and `postgresql://` both mean psycopg 3."""
    scheme, separator, rest = text.partition("://")
    if scheme in {"postgres", "postgresql", "postgresql+psycopg"} and separator:
        return f"postgresql+psycopg://{rest}"
    if scheme == "sqlite" and separator:
        return text
    raise ValueError("is not a URL that starts with postgresql:// or sqlite://")


def parse_origins(text: str) -> tuple[str, ...]:
    """Read web origins (`https://host[:port]`) separated by commas or spaces."""
    origins = tuple(text.replace(",", " ").split())
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or f"{parts.scheme}://{parts.netloc}" != origin:
            raise ValueError(f"has {origin!r}, which is no origin such as https://notes.example.org")
    return origins


def parse_networks(text: str) -> tuple[Network, ...]:
    """Read IP addresses and networks separated by commas or spaces."""
    return tuple(ipaddress.ip_network(part, strict=False) for part in text.replace(",", " ").split())


def setting(
    variable: str, parse: Callable[[str], Any], default: Any, about: str, *, secret: bool = False
) -> Any:
    """Declare one field of Settings with its environment variable, reader, default and meaning."""
    metadata = {"variable": variable, "parse": parse, "about": about, "secret": secret}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the operator decided. Build it by hand in tests, or with `from_env`."""

    environment: Environment = setting(
        "NOTEASSIST_ENV",
        parse_choice("development", "production", "testing"),
        "development",
        "Which rules hold: production refuses weak secrets and never migrates by itself.",
    )
    secret_key: str = setting(
        "SECRET_KEY",
        parse_text,
        "",
        "Signs tokens and cursors; at least 32 characters. Generated into INSTANCE_DIR outside production.",
        secret=True,
    )
    instance_dir: Path = setting(
        "INSTANCE_DIR",
        Path,
        Path("instance"),
        "Folder of the embedded database, outbox and generated secrets.",
    )
    database_url: str = setting(
        "DATABASE_URL",
        parse_database_url,
        "",
        "postgresql://user:password@host/name; empty means SQLite in INSTANCE_DIR.",
        secret=True,
    )
    redis_url: str = setting(
        "REDIS_URL",
        parse_url("redis", "rediss", "unix"),
        "",
        "redis://host:6379/0; empty means that state and tasks stay in the server process.",
        secret=True,
    )
    host: str = setting("HOST", parse_text, "127.0.0.1", "Address the server listens on.")
    port: int = setting("PORT", parse_number(1, 65535), 8000, "Port the server listens on.")
    public_url: str = setting(
        "PUBLIC_URL",
        parse_url("http", "https"),
        "",
        "How browsers reach this server; required in production.",
    )
    frontend_url: str = setting(
        "FRONTEND_URL",
        parse_url("http", "https"),
        "",
        "Where links in mails point to; empty means PUBLIC_URL, whose pages this server has.",
    )
    cors_origins: tuple[str, ...] = setting(
        "CORS_ORIGINS", parse_origins, (), "Web origins whose scripts may call the API."
    )
    trusted_proxies: tuple[Network, ...] = setting(
        "TRUSTED_PROXIES", parse_networks, (), "Proxies whose X-Forwarded-For is believed."
    )
    web_processes: int = setting("WEB_PROCESSES", parse_number(1, 256), 1, "Server processes.")
    web_threads: int = setting(
        "WEB_THREADS", parse_number(1, 1024), 8, "Requests that each server process works on at once."
    )
    database_pool_size: int = setting(
        "DATABASE_POOL_SIZE",
        parse_number(1, 1000),
        0,
        "Database connections of each process for reads, and as many for writes; 0 means WEB_THREADS + 2.",
    )
    signup_open: bool = setting("SIGNUP_OPEN", parse_switch, True, "Whether anybody may register.")
    access_token_minutes: int = setting(
        "ACCESS_TOKEN_MINUTES", parse_number(1, 1440), 60, "Life of an access token, in minutes."
    )
    refresh_token_days: int = setting(
        "REFRESH_TOKEN_DAYS", parse_number(1, 365), 7, "Life of a refresh token, in days."
    )
    session_max_days: int = setting(
        "SESSION_MAX_DAYS",
        parse_number(1, 3650),
        90,
        "Days after which one has to sign in again in any case.",
    )
    password_memory_kib: int = setting(
        "PASSWORD_MEMORY_KIB", parse_number(8, 1048576), 19456, "Memory of one argon2id hash, in KiB."
    )
    smtp_url: str = setting(
        "SMTP_URL",
        parse_url("smtp", "smtps"),
        "",
        "smtp://user:password@host:587 (STARTTLS) or smtps://; empty writes .eml files into INSTANCE_DIR/outbox.",
        secret=True,
    )
    mail_from: str = setting("MAIL_FROM", parse_text, "NoteAssist <noteassist@localhost>", "Sender of mails.")
    log_format: str = setting(
        "LOG_FORMAT", parse_choice("text", "json"), "text", "How log lines are written."
    )
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read and check the environment; raises BadConfiguration with every problem together."""
        values: dict[str, Any] = {}
        sources: dict[str, str] = {}
        problems: list[str] = []
        for declared in declared_settings():
            variable = declared.metadata["variable"]
            text = environ.get(variable, "").strip()
            sources[declared.name] = "environment" if text else "default"
            if not text:
                continue
            try:
                values[declared.name] = declared.metadata["parse"](text)
            except ValueError as error:
                shown = MASK if declared.metadata["secret"] else repr(text)
                problems.append(f"{variable}={shown} {error}")
        draft = cls(**values, sources=sources)
        problems += contradictions(draft)
        if problems:
            raise BadConfiguration(problems)
        return draft.completed()

    def completed(self) -> Self:
        """Fill in what is derived from other settings or generated once into the instance folder."""
        values = {declared.name: getattr(self, declared.name) for declared in fields(self)}
        sources = dict(self.sources)
        if not self.secret_key:
            values["secret_key"] = generated_secret(self.instance_dir / "secret_key")
            sources["secret_key"] = "generated"  # noqa: S105  # where it comes from, not what it is
        for name in ("database_url", "public_url", "frontend_url", "database_pool_size"):
            if not getattr(self, name):
                sources[name] = "derived"
        if not self.database_url:
            values["database_url"] = f"sqlite:///{(self.instance_dir / 'noteassist.db').absolute()}"
        if not self.public_url:
            shown = f"[{self.host}]" if ":" in self.host else self.host
            values["public_url"] = f"http://{shown}:{self.port}"
        values["frontend_url"] = self.frontend_url or values["public_url"]
        values["database_pool_size"] = self.database_pool_size or self.web_threads + 2
        return type(self)(**{**values, "sources": sources})

    @property
    def is_sqlite(self) -> bool:
        """Say whether the embedded database is used."""
        return not self.database_url or self.database_url.startswith("sqlite")

    @property
    def migrates_itself(self) -> bool:
        """Say whether a start brings the schema up to date (everywhere but in production)."""
        return self.environment != "production"

    @property
    def is_https(self) -> bool:
        """Say whether browsers reach this server through TLS."""
        return self.public_url.startswith("https://")


def declared_settings() -> list[Any]:
    """List the dataclass fields that stand for environment variables."""
    return [declared for declared in fields(Settings) if "variable" in declared.metadata]


def contradictions(draft: Settings) -> list[str]:
    """List what does not go together, in the operator's words."""
    problems = []
    if draft.web_processes > 1 and draft.is_sqlite:
        problems.append("WEB_PROCESSES > 1 needs PostgreSQL: set DATABASE_URL")
    if draft.web_processes > 1 and not draft.redis_url:
        problems.append("WEB_PROCESSES > 1 needs shared state: set REDIS_URL")
    if draft.secret_key and (weakness := secret_weakness(draft.secret_key)):
        problems.append(f"SECRET_KEY {weakness}")
    if draft.environment == "production":
        if not draft.secret_key:
            problems.append("SECRET_KEY is required in production")
        if not draft.public_url:
            problems.append("PUBLIC_URL is required in production")
    return problems


def secret_weakness(secret: str) -> str | None:
    """Say why a secret is too weak to sign with, or None (RFC 7518 section 3.2 asks for 256 bits)."""
    if len(secret.encode()) < MINIMUM_SECRET_LENGTH:
        return f"is shorter than {MINIMUM_SECRET_LENGTH} characters"
    if len(set(secret)) < 10:
        return "has fewer than 10 different characters"
    if any(word in secret.lower() for word in ("changeme", "change-me", "change_me", "insecure")):
        return "is an example, not a secret"
    return None


def generated_secret(path: Path) -> str:
    """Read the secret kept at `path`, made there once with mode 0600 by whoever comes first."""
    if path.exists():
        return path.read_text().strip()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    try:
        # A link fails when the name is taken: of two processes that start together one secret wins, whole.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text().strip()
