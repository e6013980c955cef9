"""How a setting is declared."""

from collections.abc import Callable
from dataclasses import field
from typing import Any


def setting(
    variable: str, parse: Callable[[str], Any], default: Any, about: str, *, secret: bool = False
) -> Any:
    """Declare one field of Settings with its environment variable, reader, default and meaning."""
    metadata = {"variable": variable, "parse": parse, "about": about, "secret": secret}
    return field(default=default, metadata=metadata)
