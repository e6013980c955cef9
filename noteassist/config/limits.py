"""Settings of how much anybody may ask for."""

from dataclasses import dataclass

from noteassist.config.declaring import setting
from noteassist.config.parsing import (
    parse_number,
    parse_switch,
    parse_tiers,
)


@dataclass(frozen=True, kw_only=True)
class LimitSettings:
    """How often one may ask in a while."""

    ratelimit_enabled: bool = setting(
        "RATELIMIT_ENABLED",
        parse_switch,
        True,
        "0 lifts every request limit and the hourly AI limits: for load tests and trusted networks.",
    )
    limit_per_minute: int = setting(
        "LIMIT_PER_MINUTE", parse_number(1, 10**9), 60, "Requests of a user in any 60 s."
    )
    limit_per_hour: tuple[int, int, int] = setting(
        "LIMIT_PER_HOUR",
        parse_tiers,
        (500, 1000, 2000),
        "Requests of a user in any 60 min: FREE, BASIC, PRO.",
    )
    limit_sign_in: int = setting(
        "LIMIT_SIGN_IN",
        parse_number(1, 10**9),
        10,
        "Tries to sign in to one account in any 15 min, from any address.",
    )
    limit_anonymous: int = setting(
        "LIMIT_ANONYMOUS",
        parse_number(1, 10**9),
        100,
        "Requests of one address (IPv6: /64) to each route that needs no sign-in, in any 60 min.",
    )
    limit_ai_generate: int = setting(
        "LIMIT_AI_GENERATE",
        parse_number(1, 10**9),
        10,
        "Texts generated in any 60 min on FREE; BASIC has 3 times, PRO 10 times as many.",
    )
    limit_ai: int = setting(
        "LIMIT_AI",
        parse_number(1, 10**9),
        20,
        "AI calls in any 60 min on FREE; BASIC has 3 times, PRO 10 times as many.",
    )
    limit_code_runs: int = setting(
        "LIMIT_CODE_RUNS", parse_number(1, 10**9), 10, "Programs that a user may run in any 60 s."
    )
