"""The README tells of every setting and every command that there is."""

import re
from pathlib import Path
from typing import Any

import click

from noteassist.cli import main
from noteassist.config import Settings, declared_settings

README = (Path(__file__).parents[1] / "README.md").read_text()
ROW = re.compile(r"^\| `([A-Z_]+)` \| (?:`(.*?)`)? \|", re.MULTILINE)


def written(value: Any) -> str:
    """A default as the README writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_the_readme_has_every_setting_and_its_default():
    documented = ROW.findall(README.partition("## Settings")[2].partition("\n## ")[0])
    defaults = Settings()
    expected = {
        # Where 0 stands for "found out at the start" it is no value to set.
        declared.metadata["variable"]: written(getattr(defaults, declared.name))
        for declared in declared_settings()
    } | {"DATABASE_POOL_SIZE": ""}
    assert len(documented) == len(expected)
    assert dict(documented) == expected


def commands(command: click.Command, path: str = "noteassist") -> set[str]:
    """A command, or all those of a group, as they are typed."""
    if not isinstance(command, click.Group):
        return {path}
    context = click.Context(command)
    below = {name: command.get_command(context, name) for name in command.list_commands(context)}
    return {typed for name, found in below.items() for typed in commands(found, f"{path} {name}")}


def test_the_readme_has_every_command():
    rows = re.findall(r"^\| `(noteassist [a-z -]+?)(?: [A-Z\[].*?)?` \|", README, re.MULTILINE)
    assert set(rows) == commands(main)
