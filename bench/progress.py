"""Progress of long work: a bar for a person at a terminal, nothing anywhere else."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich import progress
from rich.console import Console


class Progress:
    """One bar per step on standard error, where it cannot mix with the tables."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
            # Drawing takes time of the processors that are being measured: seldom is enough.
            refresh_per_second=2,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def step(self, what: str, total: int | None) -> Callable[[], None]:
        """Begin a step; what is given back moves its bar on by one."""
        task = self._bars.add_task(what, total=total)
        return lambda: self._bars.advance(task)

    def note(self, what: str) -> None:
        """Say what is being done, on a terminal only."""
        if self._console.is_terminal:
            self._console.print(what)
