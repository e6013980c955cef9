"""How a call of a child can end other than with an answer."""


class Refused(Exception):
    """What a function in a child raises to refuse its input; it reaches the caller as it was raised."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class ChildFailed(Exception):
    """The child broke off; the message is for the log, and has nothing of the input in it."""


class ChildOutOfMemory(ChildFailed):
    """The work needs more memory than the child may have."""


class ChildTimedOut(ChildFailed):
    """The work took longer than allowed, and was ended."""
