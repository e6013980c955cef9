"""Settings of what stands behind the server: mail, AI providers, Google, the sandbox."""

from dataclasses import dataclass
from decimal import Decimal

from noteassist.config.declaring import setting
from noteassist.config.parsing import (
    PROVIDERS,
    AiPrice,
    parse_amount,
    parse_choice,
    parse_fallbacks,
    parse_number,
    parse_prices,
    parse_seconds,
    parse_switch,
    parse_text,
    parse_url,
)


@dataclass(frozen=True, kw_only=True)
class SettingsBehind:
    """What the server asks for help, and how patiently."""

    smtp_url: str = setting(
        "SMTP_URL",
        parse_url("smtp", "smtps"),
        "",
        "smtp://user:password@host:587 (STARTTLS) or smtps://; empty writes .eml files into INSTANCE_DIR/outbox.",
        secret=True,
    )
    mail_from: str = setting("MAIL_FROM", parse_text, "NoteAssist <noteassist@localhost>", "Sender of mails.")
    ai_provider: str = setting(
        "AI_PROVIDER",
        parse_choice(*PROVIDERS, "none"),
        "",
        "groq, openai_compatible, anthropic, offline or none; empty means groq where it has a key, else offline "
        "(in production none).",
    )
    ai_model: str = setting(
        "AI_MODEL", parse_text, "", "Model of that provider; empty means the provider's usual one."
    )
    ai_fallbacks: tuple[str, ...] = setting(
        "AI_FALLBACKS", parse_fallbacks, (), "provider[:model] to ask when the first one cannot answer."
    )
    ai_deadline: float = setting(
        "AI_DEADLINE", parse_seconds(1, 600), 90.0, "Seconds after which one call to a model is given up."
    )
    ai_prices: tuple[AiPrice, ...] = setting(
        "AI_PRICES",
        parse_prices,
        (),
        "What a million tokens cost in dollars, provider:model=input/output, separated by commas.",
    )
    ai_daily_spend_cap: Decimal | None = setting(  # noqa: RUF009  # declares a field, as everywhere
        "AI_DAILY_SPEND_CAP",
        parse_amount,
        None,
        "What AI calls may cost in a day (UTC), in dollars; empty means no cap.",
    )
    groq_api_key: str = setting("GROQ_API_KEY", parse_text, "", "Key of Groq.", secret=True)
    groq_base_url: str = setting(
        "GROQ_BASE_URL", parse_url("http", "https"), "https://api.groq.com", "Where Groq is."
    )
    openai_base_url: str = setting(
        "OPENAI_BASE_URL",
        parse_url("http", "https"),
        "https://api.openai.com/v1",
        "Any endpoint that speaks OpenAI's protocol: http://localhost:11434/v1 is Ollama.",
    )
    openai_api_key: str = setting("OPENAI_API_KEY", parse_text, "", "Key of that endpoint.", secret=True)
    anthropic_api_key: str = setting("ANTHROPIC_API_KEY", parse_text, "", "Key of Anthropic.", secret=True)
    google_client_id: str = setting(
        "GOOGLE_CLIENT_ID",
        parse_text,
        "",
        "OAuth client of this server at Google; empty means no Google Drive and no sign-in with Google.",
    )
    google_client_secret: str = setting(
        "GOOGLE_CLIENT_SECRET", parse_text, "", "Secret of that client.", secret=True
    )
    google_base_url: str = setting(
        "GOOGLE_BASE_URL",
        parse_url("http", "https"),
        "",
        "Replaces scheme and host of every Google address, for tests and proxies; empty means Google itself.",
    )
    google_deadline: float = setting(
        "GOOGLE_DEADLINE",
        parse_seconds(0.5, 600),
        30.0,
        "Seconds after which one call to Google is given up.",
    )
    sandbox_enabled: bool = setting(
        "SANDBOX_ENABLED", parse_switch, True, "Whether programs of users may be run, in a sandbox."
    )
    sandbox_runs: int = setting(
        "SANDBOX_RUNS", parse_number(1, 64), 2, "Programs that each server process runs at once."
    )
    sandbox_seconds: float = setting(
        "SANDBOX_SECONDS", parse_seconds(1, 60), 10.0, "Seconds after which a program is ended."
    )
    sandbox_cpu_seconds: float = setting(
        "SANDBOX_CPU_SECONDS", parse_seconds(1, 60), 5.0, "Seconds of processor time that it may use."
    )
    sandbox_memory_mib: int = setting(
        "SANDBOX_MEMORY_MIB", parse_number(64, 65536), 256, "Memory of all of its processes, in MiB."
    )
    sandbox_processes: int = setting(
        "SANDBOX_PROCESSES", parse_number(24, 1024), 64, "Processes and threads of a program at once."
    )
    sandbox_output_kib: int = setting(
        "SANDBOX_OUTPUT_KIB", parse_number(1, 1024), 64, "What is kept of each of its two outputs, in KiB."
    )
