"""How work on a task ends when it does not succeed."""


class LostLease(Exception):
    """The task is not this worker's any more: it was cancelled, given to another, or its account is gone."""


class TryLater(Exception):
    """It may work later. `delay` in seconds (None: by the kind's own rule); `counts` says whether it is a failure.

    `waiting_for` names what it waits for: `provider` or `drive`.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        delay: float | None = None,
        waiting_for: str | None = None,
        counts: bool = True,
    ) -> None:
        self.code, self.detail = code, detail
        self.delay, self.waiting_for, self.counts = delay, waiting_for, counts
        super().__init__(f"{code}: {detail}")


class Fail(Exception):
    """It will never work; the task ends here and its owner is told why."""

    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(f"{code}: {detail}")
