"""Settings of what operators see: logs, metrics, reports of errors."""

from dataclasses import dataclass

from noteassist.config.declaring import setting
from noteassist.config.parsing import parse_number, parse_switch, parse_text, parse_url


@dataclass(frozen=True, kw_only=True)
class OperationSettings:
    """What is told to those who run the server."""

    access_log: bool = setting(
        "ACCESS_LOG", parse_switch, True, "Whether a line is written to the log for each request."
    )
    slow_query_ms: int = setting(
        "SLOW_QUERY_MS",
        parse_number(0, 10**6),
        500,
        "SQL statements that take so many milliseconds are written to the log, without their values; 0: none.",
    )
    metrics_token: str = setting(
        "METRICS_TOKEN",
        parse_text,
        "",
        "Bearer token of GET /metrics; without one it answers this machine only, and no proxy.",
        secret=True,
    )
    sentry_dsn: str = setting(
        "SENTRY_DSN",
        parse_url("http", "https"),
        "",
        "Where unexpected errors are reported to, by Sentry's protocol; needs noteassist[sentry].",
        secret=True,
    )
