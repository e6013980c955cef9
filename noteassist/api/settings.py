"""The settings of the application that answers."""

from typing import cast

from flask import current_app

from noteassist.config import Settings


def current_settings() -> Settings:
    """Give the settings that the current application was made with."""
    return cast("Settings", current_app.config["SETTINGS"])
