"""The command line. Each command lives in a module of its own that is imported when it is called.

`serve` is also the parent of the server processes: what it imports, each of them would pay for in start-up time
and memory.
"""

import importlib

import click

COMMANDS = {
    "serve": "noteassist.cli.serve",
    "worker": "noteassist.cli.worker",
    "db": "noteassist.cli.database",
    "create-admin": "noteassist.cli.accounts",
    "reset-password": "noteassist.cli.reset_password",
    "config": "noteassist.cli.settings",
    "seed-demo": "noteassist.cli.seed",
    "keys": "noteassist.cli.keys",
    "backup": "noteassist.cli.backup",
    "restore": "noteassist.cli.restore",
    "verify": "noteassist.cli.verify",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name]).command
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """NoteAssist, a self-hosted server for study notes."""
