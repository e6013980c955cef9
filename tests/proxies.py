"""A connection that can be cut, silenced or slowed, between a server and what stands behind it."""

import socket
import struct
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Literal, Self

# `open`: passes everything on. `cut`: hangs up on everybody. `silent`: holds what either side says. `deaf`: holds
# what comes back. What is held is passed on once the way is open again, also for a side that has hung up since.
Mode = Literal["open", "cut", "silent", "deaf"]
RESET = struct.pack("ii", 1, 0)
CHUNK = 1 << 16


class Proxy:
    """Listens on a port of its own and passes on what it hears to another port of this machine."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self.listener.getsockname()[1]
        self.mode: Mode = "open"
        self.delay = 0.0
        self.turned = threading.Condition()
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        self.countdown: int | None = None
        self.then: Mode = "open"
        self.heard = 0
        self.is_over = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_over = True
        # The thread that accepts is woken by a last visitor.
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            pass
        self.listener.close()
        self.turn("cut")

    def turn(self, mode: Mode) -> None:
        """Behave like this from now on."""
        with self.turned:
            self.mode, self.countdown = mode, None
            if mode == "cut":
                self._hang_up()
            self.turned.notify_all()

    def turn_after(self, messages: int, mode: Mode) -> None:
        """Pass on so many messages more, and behave like this before the next."""
        with self.turned:
            self.countdown, self.then, self.heard = messages, mode, 0

    def _hang_up(self) -> None:
        for pair in self.pairs:
            for side in pair:
                with suppress(OSError):
                    side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                with suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)
                side.close()
        self.pairs.clear()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if self.is_over or self.mode == "cut":
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                near.close()
                if self.is_over:
                    return
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.target), 1)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            for side in (near, far):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.turned:
                self.pairs.append((near, far))
            threading.Thread(target=self._pass_on, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(far, near, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, is_question: bool) -> None:
        holding = {"silent"} if is_question else {"silent", "deaf"}
        with suppress(OSError):
            while chunk := source.recv(CHUNK):
                if self.delay:
                    time.sleep(self.delay)
                with self.turned:
                    if is_question:
                        self._count()
                    self.turned.wait_for(lambda: self.mode not in holding)
                sink.sendall(chunk)
        with self.turned:
            # A side that has hung up is remembered by the other only once the way is open.
            self.turned.wait_for(lambda: self.mode not in holding)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _count(self) -> None:
        self.heard += 1
        if self.countdown is None:
            return
        if self.countdown == 0:
            self.mode, self.countdown = self.then, None
            if self.mode == "cut":
                self._hang_up()
            self.turned.notify_all()
        else:
            self.countdown -= 1
