"""The languages that can be run, and how their interpreters are started inside the sandbox."""

from collections.abc import Sequence
from dataclasses import dataclass

PLACE = "/code"


@dataclass(frozen=True)
class Language:
    """A language: its name for people, the interpreter's command with its options, and the program's file."""

    title: str
    command: Sequence[str]
    file: str
    aliases: frozenset[str]

    @property
    def interpreter(self) -> str:
        """Give the path of the interpreter, the same outside of the sandbox and inside."""
        return self.command[0]

    @property
    def place(self) -> str:
        """Give the path of the program inside the sandbox."""
        return f"{PLACE}/{self.file}"


LANGUAGES = {
    # -I: nothing from the environment or the current folder; -u: what was printed before a limit is kept.
    "python": Language(
        "Python", ("/usr/bin/python3", "-I", "-u"), "main.py", frozenset({"python", "python3", "py"})
    ),
    "javascript": Language(
        "JavaScript", ("/usr/bin/node",), "main.js", frozenset({"javascript", "js", "node", "nodejs"})
    ),
    "bash": Language(
        "Bash", ("/usr/bin/bash", "--noprofile", "--norc"), "main.sh", frozenset({"bash", "sh", "shell"})
    ),
}


def language_called(name: str) -> str | None:
    """Give our name of a language that people wrote in their way, such as `Py`; None where we cannot run it."""
    wanted = name.strip().lower()
    return next((ours for ours, language in LANGUAGES.items() if wanted in language.aliases), None)
