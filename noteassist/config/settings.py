"""The settings, their defaults, and what does not go together."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

from noteassist.config.behind import SettingsBehind
from noteassist.config.declaring import setting
from noteassist.config.limits import LimitSettings
from noteassist.config.operations import OperationSettings
from noteassist.config.parsing import (
    Network,
    parse_choice,
    parse_database_url,
    parse_encryption_keys,
    parse_networks,
    parse_number,
    parse_origins,
    parse_switch,
    parse_text,
    parse_url,
)
from noteassist.config.secret_files import generated_secret, new_encryption_key, secret_weakness

Environment = Literal["development", "production", "testing"]

MASK = "********"
DERIVED = (
    "database_url",
    "queue_redis_url",
    "public_url",
    "frontend_url",
    "database_pool_size",
    "ai_provider",
)


class BadConfiguration(Exception):
    """The environment does not make a valid configuration; `problems` lists every reason."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("Bad configuration:\n" + "\n".join(f"  - {line}" for line in problems))


@dataclass(frozen=True, kw_only=True)
class Settings(SettingsBehind, LimitSettings, OperationSettings):
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
    encryption_keys: tuple[str, ...] = setting(
        "ENCRYPTION_KEYS",
        parse_encryption_keys,
        (),
        "Fernet keys that encrypt secrets in the database, separated by commas: the first encrypts, all decrypt. "
        "Generated into INSTANCE_DIR outside production; without them production has no two-factor sign-in.",
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
    queue_redis_url: str = setting(
        "QUEUE_REDIS_URL",
        parse_url("redis", "rediss", "unix"),
        "",
        "Redis of the task queue, where it is to be another than REDIS_URL.",
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
    web_streams: int = setting(
        "WEB_STREAMS",
        parse_number(0, 10000),
        64,
        "Event streams and waiting requests that each server process holds at once, on threads of their own.",
    )
    worker_processes: int = setting(
        "WORKER_PROCESSES", parse_number(1, 256), 1, "Processes of `noteassist worker`."
    )
    worker_threads: int = setting(
        "WORKER_THREADS", parse_number(1, 256), 8, "Tasks that each of them works on at once."
    )
    front_cache_mb: int = setting(
        "FRONT_CACHE_MB",
        parse_number(0, 65536),
        64,
        "Megabytes of finished answers that each server process keeps; 0 keeps none. The same for all of them.",
    )
    database_pool_size: int = setting(
        "DATABASE_POOL_SIZE",
        parse_number(1, 1000),
        0,
        "Database connections of each process; 0 means as many as its threads need.",
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
    require_verified_email: bool = setting(
        "REQUIRE_VERIFIED_EMAIL",
        parse_switch,
        False,
        "Whether AI tools are for accounts with a verified address only.",
    )
    log_format: str = setting(
        "LOG_FORMAT", parse_choice("text", "json"), "text", "How log lines are written."
    )
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __hash__(self) -> int:
        """Hash one setting: all of them would be hashed anew each time something is remembered by them."""
        return hash(self.database_url)

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
        if self.environment != "production" and not self.encryption_keys:
            made = generated_secret(self.instance_dir / "encryption_key", new_encryption_key)
            values["encryption_keys"] = parse_encryption_keys(made)
            sources["encryption_keys"] = "generated"
        for name in DERIVED:
            if not getattr(self, name):
                sources[name] = "derived"
        if not self.database_url:
            values["database_url"] = f"sqlite:///{(self.instance_dir / 'noteassist.db').absolute()}"
        if not self.public_url:
            shown = f"[{self.host}]" if ":" in self.host else self.host
            values["public_url"] = f"http://{shown}:{self.port}"
        values["frontend_url"] = self.frontend_url or values["public_url"]
        values["queue_redis_url"] = self.queue_redis_url or self.redis_url
        values["ai_provider"] = self.ai_provider or self._usual_provider()
        # Web threads or worker threads, and those that look after them.
        workers = self.worker_threads + 2
        values["database_pool_size"] = self.database_pool_size or self.web_threads + 3 + workers
        return type(self)(**{**values, "sources": sources})

    def _usual_provider(self) -> str:
        if self.groq_api_key:
            return "groq"
        return "none" if self.environment == "production" else "offline"

    @property
    def metrics_dir(self) -> Path:
        """Give the folder that processes count into."""
        return self.instance_dir / "metrics"

    @property
    def is_sqlite(self) -> bool:
        """Say whether the embedded database is used."""
        return not self.database_url or self.database_url.startswith("sqlite")

    @property
    def migrates_itself(self) -> bool:
        """Say whether a start brings the schema up to date (everywhere but in production)."""
        return self.environment != "production"

    @property
    def has_drive(self) -> bool:
        """Say whether users can connect Google Drive."""
        return self.has_google

    @property
    def has_google(self) -> bool:
        """Say whether this server is known at Google, so that users can sign in there."""
        return bool(self.google_client_id and self.google_client_secret)

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
    if draft.queue_redis_url and not draft.redis_url:
        problems.append("QUEUE_REDIS_URL needs REDIS_URL too: the processes share more than the queue")
    problems += [*missing_keys(draft), *missing_prices(draft)]
    if bool(draft.google_client_id) != bool(draft.google_client_secret):
        problems.append("GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET are needed together")
    if draft.environment == "production":
        if not draft.secret_key:
            problems.append("SECRET_KEY is required in production")
        if not draft.public_url:
            problems.append("PUBLIC_URL is required in production")
        if draft.has_drive and not draft.encryption_keys:
            problems.append("ENCRYPTION_KEYS is required in production for Google Drive")
    return problems


def missing_prices(draft: Settings) -> list[str]:
    """Say whether a cap on spending is wanted of calls that nothing gives a price for."""
    if draft.ai_daily_spend_cap is None or draft.ai_prices:
        return []
    return ["AI_DAILY_SPEND_CAP needs AI_PRICES: nothing else says what a call costs"]


def missing_keys(draft: Settings) -> list[str]:
    """List the providers that are to be asked and have no key."""
    keys = {"groq": draft.groq_api_key, "anthropic": draft.anthropic_api_key}
    asked = [draft.ai_provider, *(link.partition(":")[0] for link in draft.ai_fallbacks)]
    missing = dict.fromkeys(name for name in asked if name in keys and not keys[name])
    return [f"{name.upper()}_API_KEY is needed to ask {name}" for name in missing]
