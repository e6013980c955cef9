"""`noteassist config`: the settings in force."""

import click

from noteassist.cli.environment import settings_or_exit
from noteassist.config import MASK, declared_settings


@click.command()
def command() -> None:
    """Print every setting with its value, where it comes from and what it means; secrets are masked."""
    settings = settings_or_exit()
    for declared in declared_settings():
        value = getattr(settings, declared.name)
        if declared.metadata["secret"]:
            shown = MASK if value else ""
        elif isinstance(value, tuple):
            shown = " ".join(str(part) for part in value)
        else:
            shown = str(value)
        source = settings.sources.get(declared.name, "default")
        click.echo(f"{declared.metadata['variable']}={shown}  ({source})")
        click.echo(f"    {declared.metadata['about']}")
