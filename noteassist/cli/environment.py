"""The settings and the application of a command."""

import os
import sys

import click

from noteassist.config import BadConfiguration, Settings


def settings_or_exit() -> Settings:
    """Read the settings from the environment; prints every problem and ends with status 2 when there are any."""
    try:
        return Settings.from_env(os.environ)
    except BadConfiguration as error:
        click.echo(str(error), err=True)
        sys.exit(2)
