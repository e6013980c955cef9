"""`noteassist config`: the settings in force."""

import click
from sqlalchemy import make_url

from noteassist.cli.environment import settings_or_exit
from noteassist.config import MASK, declared_settings

# Of these the password alone is secret.
URLS = frozenset({"database_url", "redis_url", "queue_redis_url", "smtp_url"})


@click.command()
def command() -> None:
    """Print every setting with its value, where it comes from and what it means; secrets are masked."""
    settings = settings_or_exit()
    for declared in declared_settings():
        value = getattr(settings, declared.name)
        if declared.name in URLS and value:
            shown = make_url(value).render_as_string(hide_password=True)
        elif declared.metadata["secret"]:
            shown = MASK if value else ""
        elif isinstance(value, tuple):
            shown = " ".join(str(part) for part in value)
        else:
            shown = str(value)
        source = settings.sources.get(declared.name, "default")
        click.echo(f"{declared.metadata['variable']}={shown}  ({source})")
        click.echo(f"    {declared.metadata['about']}")
