"""Reading single settings: each reader takes a text and raises ValueError with what is wrong with it."""

import binascii
import ipaddress
import math
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlsplit

MILLION = 1_000_000
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Name of a model (`provider:model`), and what a million tokens of its prompts and of its completions cost.

PROVIDERS = ("groq", "openai_compatible", "anthropic", "offline")


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


def parse_tiers(text: str) -> tuple[int, int, int]:
    """Read three whole numbers for FREE, BASIC and PRO, such as `500,1000,2000`."""
    parts = text.replace(" ", "").split(",")
    if len(parts) != 3 or not all(re.fullmatch(r"[0-9]{1,9}", part) and int(part) for part in parts):
        raise ValueError("is not three whole numbers such as 500,1000,2000")
    free, basic, pro = (int(part) for part in parts)
    return free, basic, pro


def parse_amount(text: str) -> Decimal:
    """Read an amount of money, such as `5` or `2.50`."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text):
        raise ValueError("is not an amount such as 2.50")
    return Decimal(text)


def parse_seconds(low: float, high: float) -> Callable[[str], float]:
    """Make a reader of seconds from `low` to `high`."""

    def parse(text: str) -> float:
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if not low <= seconds <= high:
            raise ValueError(f"is not a number of seconds from {low:g} to {high:g}")
        return seconds

    return parse


def parse_fallbacks(text: str) -> tuple[str, ...]:
    """Read a list of `provider` or `provider:model`, separated by commas or spaces."""
    chain = tuple(text.replace(",", " ").split())
    for link in chain:
        provider, separator, model = link.partition(":")
        if provider not in PROVIDERS or (separator and not model):
            raise ValueError(f"has {link!r}, which is none of {', '.join(PROVIDERS)} (or provider:model)")
    return chain


@dataclass(frozen=True, slots=True)
class AiPrice:
    """What a million tokens of a provider's model cost, in dollars: those that it reads, and those that it writes."""

    provider: str
    model: str
    input: Decimal
    output: Decimal

    def cost(self, prompt_tokens: int, completion_tokens: int) -> Decimal:
        """Give what a call costs, in dollars."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / MILLION

    def __str__(self) -> str:
        """Write it as the setting does."""
        return f"{self.provider}:{self.model}={self.input}/{self.output}"


def parse_prices(text: str) -> tuple[AiPrice, ...]:
    """Read prices of a million tokens, `provider:model=input/output`, separated by commas or spaces."""
    prices = {}
    for entry in text.replace(",", " ").split():
        name, _, amounts = entry.rpartition("=")
        provider, _, model = name.partition(":")
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)/(\d{1,9}(?:\.\d{1,6})?)", amounts)
        if provider not in PROVIDERS or not model or found is None:
            raise ValueError(f"has {entry!r}, which is no price such as groq:some-model=0.15/0.75")
        prices[name] = AiPrice(provider, model, Decimal(found[1]), Decimal(found[2]))
    return tuple(prices.values())


def parse_encryption_keys(text: str) -> tuple[str, ...]:
    """Read Fernet keys (32 bytes in URL-safe base64, 44 characters) separated by commas or spaces."""
    keys = tuple(text.replace(",", " ").split())
    for number, key in enumerate(keys, 1):
        try:
            is_key = len(urlsafe_b64decode(key.encode("ascii"))) == 32
        except (binascii.Error, ValueError):
            is_key = False
        if not is_key:
            raise ValueError(f"has no Fernet key at place {number}: `noteassist keys new` makes one")
    return keys
