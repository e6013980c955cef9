"""The ends of a run's pipes: what is sent in, and what is kept of what comes out."""

import os
from contextlib import suppress

CHUNK = 65_536


class Feed:
    """Bytes that a process reads whenever it likes; the pipe is closed behind the last one."""

    def __init__(self, pipe: int, content: bytes) -> None:
        self.pipe = pipe
        self.left = memoryview(content)
        self.is_open = True
        os.set_blocking(pipe, False)

    def move(self) -> bool:
        """Send what fits; says whether there is more to come."""
        try:
            self.left = self.left[os.write(self.pipe, self.left[:CHUNK]) :]
        except BlockingIOError:
            return True
        except BrokenPipeError:  # it does not want to read on
            self.left = self.left[:0]
        if not self.left:
            self.close()
        return self.is_open

    def close(self) -> None:
        """Let the reader see the end; once is enough."""
        if self.is_open:
            self.is_open = False
            os.close(self.pipe)


class Take:
    """What a process writes: the first bytes are kept, the others counted and thrown away."""

    def __init__(self, pipe: int, size: int) -> None:
        self.pipe = pipe
        self.size = size
        self.kept = bytearray()
        self.seen = 0
        self.is_open = True
        os.set_blocking(pipe, False)

    def move(self) -> bool:
        """Take what is there; says whether there may be more."""
        try:
            chunk = os.read(self.pipe, CHUNK)
        except BlockingIOError:
            return True
        self.seen += len(chunk)
        self.kept += chunk[: self.size - len(self.kept)]
        if not chunk:
            self.close()
        return self.is_open

    @property
    def is_cut(self) -> bool:
        """Say whether something was thrown away."""
        return self.seen > len(self.kept)

    @property
    def text(self) -> str:
        """Give what was kept as text; what is no UTF-8 becomes U+FFFD."""
        kept = bytes(self.kept)
        if self.is_cut:
            # A character that was cut in two at the end is left out.
            with suppress(UnicodeDecodeError):
                return kept.decode()
            for cut in range(1, 4):
                with suppress(UnicodeDecodeError):
                    return kept[:-cut].decode()
        return kept.decode(errors="replace")

    def close(self) -> None:
        """Read no more; once is enough."""
        if self.is_open:
            self.is_open = False
            os.close(self.pipe)
