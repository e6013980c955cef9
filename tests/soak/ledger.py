"""The ledger: what the server has promised to those who sent requests."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Asked:
    """A request to an AI tool that was accepted, and what its sender did about it afterwards."""

    email: str
    key: str
    tool: str
    body: dict[str, Any]
    # Empty where the caller waited and was given an output at once: then `output_id` is there.
    task_id: str
    output_id: int | None = None
    # What was answered to the same key later; one task each, or the key has made two.
    again: list[str] = field(default_factory=list)
    # "" where nobody wanted that; "asked" where it may have happened, "done" where it was confirmed.
    cancel: str = ""


class Ledger:
    """All promises of a run, written down from many threads."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.accounts: list[str] = []
        # Titles of notes that were made, and how often each was promised.
        self.notes: list[str] = []
        self.answers: Counter[str] = Counter()
        self.retries = 0
        # What no server should answer, and requests that were never accepted.
        self.surprises: list[str] = []
        self._lock = threading.Lock()

    def accept(self, asked: Asked) -> None:
        """Write down that a task was promised."""
        with self._lock:
            self.asked.append(asked)

    def registered(self, email: str) -> None:
        """Write down that an account was promised, and with it a mail."""
        with self._lock:
            self.accounts.append(email)

    def made_note(self, title: str) -> None:
        """Write down that a note was promised."""
        with self._lock:
            self.notes.append(title)

    def answered(self, status: str) -> None:
        """Count an answer, or the name of an error of the line."""
        with self._lock:
            self.answers[status] += 1

    def retried(self) -> None:
        """Count a request that has to be sent again."""
        with self._lock:
            self.retries += 1

    def surprise(self, what: str) -> None:
        """Write down what no server should do."""
        with self._lock:
            self.surprises.append(what)
