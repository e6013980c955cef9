"""Every setting of the server: one frozen, typed object, read from the environment and checked as a whole."""

from noteassist.config.parsing import Network
from noteassist.config.secret_files import generated_secret, new_encryption_key, secret_weakness
from noteassist.config.settings import MASK, BadConfiguration, Environment, Settings, declared_settings

__all__ = [
    "MASK",
    "BadConfiguration",
    "Environment",
    "Network",
    "Settings",
    "declared_settings",
    "generated_secret",
    "new_encryption_key",
    "secret_weakness",
]
