"""Crowds of clients in a process of their own: idle ones, slow ones, and those who only want their answers."""

import asyncio
import itertools
import multiprocessing
import random
import resource
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from typing import Any

from bench.errors import BenchError
from bench.loop import LOOPBACK
from bench.wire import BadAnswer, first_answer

CONTEXT = multiprocessing.get_context("spawn")
# Connections from one address: the kernel has some 28,000 ports for each.
AN_ADDRESS = 4000
AT_ONCE = 200
PATIENCE_SECONDS = 10.0
# A slow client sends, or takes, one byte in this time.
BYTE_SECONDS = 0.5
ANSWERED_SECONDS = 15.0
SMALL_BUFFER = 4096
SEED = 7
BROKEN = (OSError, EOFError, asyncio.TimeoutError, BadAnswer)


@dataclass
class Held:
    """What became of connections that asked once, kept still, and asked again."""

    asked: int
    held: int = 0
    sampled: int = 0
    answered: int = 0
    open_seconds: float = 0.0
    again_ms: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


@dataclass
class Paced:
    """Answers to requests that were sent at fixed times, whether or not the ones before were answered."""

    reads_ms: list[float] = field(default_factory=list)
    writes_ms: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Pace:
    """A modest load: connections that read, connections that write, and the seconds between two requests of one."""

    port: int
    reads: Sequence[bytes]
    writes: Sequence[bytes]
    readers: int = 6
    writers: int = 2
    every_seconds: float = 0.04


def open_files(wanted: int) -> int:
    """Allow this process and its children as many open files as they may have; gives the number."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if 0 <= hard < wanted:
        raise BenchError(f"{wanted} open files are needed, and {hard} are allowed (ulimit -Hn).")
    return hard


async def connect(
    port: int, number: int, buffer: int | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open connection number so-and-so, from one of many loopback addresses."""
    opened = socket.socket()
    opened.setblocking(False)
    if buffer is not None:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    opened.bind((f"127.0.0.{2 + number // AN_ADDRESS}", 0))
    try:
        loop = asyncio.get_running_loop()
        await asyncio.wait_for(loop.sock_connect(opened, (LOOPBACK, port)), PATIENCE_SECONDS)
    except BaseException:
        opened.close()
        raise
    return await asyncio.open_connection(sock=opened, limit=buffer or 65536)


async def status_of(reader: asyncio.StreamReader) -> str:
    """Read one whole answer; gives its status."""
    buffer = bytearray()
    while (answer := first_answer(buffer)) is None:
        if not (chunk := await reader.read(65536)):
            raise EOFError
        buffer += chunk
    return str(answer.status)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> str:
    """Send a request and read its answer; gives the status."""
    writer.write(request)
    return await asyncio.wait_for(status_of(reader), PATIENCE_SECONDS)


async def hold(
    port: int, requests: Sequence[bytes], number: int, seconds: float, sample: int, pipe: Pipe
) -> Held:
    """Open connections, ask twice on each, hold them idle, and ask on some of them again.

    The second time is when all are open: who was idle before the others came is idle anew from then on.
    """
    found = Held(number)
    gate = asyncio.Semaphore(AT_ONCE)
    kept: list[tuple[int, asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def one(n: int) -> None:
        async with gate:
            try:
                streams = await connect(port, n)
                status = await ask(*streams, requests[n % len(requests)])
            except BROKEN as error:
                found.errors[type(error).__name__] += 1
                return
        if status == "200":
            kept.append((n, *streams))
        else:
            found.errors[status] += 1

    async def again(n: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        async with gate:
            try:
                status = await ask(reader, writer, requests[n % len(requests)])
            except BROKEN as error:
                status = type(error).__name__
        if status != "200":
            found.errors[f"once more: {status}"] += 1
        return status == "200"

    begun = time.perf_counter()
    await asyncio.gather(*map(one, range(number)))
    found.open_seconds = time.perf_counter() - begun
    found.held = sum(await asyncio.gather(*(again(*one) for one in kept)))
    pipe.send("held")
    await asyncio.sleep(seconds)
    pipe.send("idle")
    chosen = random.Random(SEED).sample(kept, min(sample, len(kept)))
    found.sampled = len(chosen)
    for n, reader, writer in chosen:
        begun = time.perf_counter()
        try:
            status = await ask(reader, writer, requests[n % len(requests)])
        except BROKEN as error:
            found.errors[f"again: {type(error).__name__}"] += 1
            continue
        found.again_ms.append((time.perf_counter() - begun) * 1000)
        found.answered += status == "200"
    for _, _, writer in kept:
        writer.transport.abort()
    return found


async def keep_pace(pace: Pace, seconds: float) -> Paced:
    """Ask at fixed times for so long; a latency begins when the request was due."""
    found = Paced()
    ends = time.perf_counter() + seconds

    async def one(number: int, requests: Sequence[bytes], times: list[float]) -> None:
        streams = None
        due = time.perf_counter() + number * pace.every_seconds / (pace.readers + pace.writers)
        for n in itertools.count(number * 7):
            if due > ends:
                break
            if time.perf_counter() > ends + PATIENCE_SECONDS:
                # Nobody waits for ever: what was due is told as not answered yet.
                found.statuses["never asked"] += 1
                times.append((time.perf_counter() - due) * 1000)
                due += pace.every_seconds
                continue
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            try:
                streams = streams or await connect(pace.port, 0)
                status = await ask(*streams, requests[n % len(requests)])
            except BROKEN as error:
                status = type(error).__name__
            if status not in {"200", "201"} and streams:
                streams[1].transport.abort()
                streams = None
            found.statuses[status] += 1
            times.append((time.perf_counter() - due) * 1000)
            due += pace.every_seconds
        if streams:
            streams[1].transport.abort()

    async with asyncio.TaskGroup() as group:
        for number in range(pace.readers + pace.writers):
            reads = number < pace.readers
            requests, times = (pace.reads, found.reads_ms) if reads else (pace.writes, found.writes_ms)
            group.create_task(one(number, requests, times))
    return found


async def send_slowly(port: int, number: int, beginning: bytes, rest: bytes, seen: Counter[str]) -> None:
    """Send the beginning at once and the rest a byte at a time, until there is an answer or an end."""
    reader, writer = await connect(port, number)
    answer = asyncio.create_task(status_of(reader))
    try:
        writer.write(beginning)
        for byte in rest:
            await asyncio.wait({answer}, timeout=BYTE_SECONDS)
            if answer.done():
                break
            writer.write(bytes([byte]))
        try:
            seen[await answer] += 1
        except BROKEN:
            seen["cut"] += 1
    finally:
        writer.transport.abort()
        # Else it would be told that nobody has looked at how it ended.
        await asyncio.gather(answer, return_exceptions=True)


async def read_slowly(port: int, number: int, request: bytes, seen: Counter[str]) -> None:
    """Ask for more than the buffers hold, and take it a byte at a time."""
    reader, writer = await connect(port, number, SMALL_BUFFER)
    try:
        writer.write(request)
        while await reader.read(1):
            await asyncio.sleep(BYTE_SECONDS)
        seen["cut"] += 1
    finally:
        writer.transport.abort()


async def stay(
    number: int,
    again: Callable[[int, Counter[str]], Awaitable[None]],
    pipe: Pipe,
    begin_seconds: float = 2 * BYTE_SECONDS,
) -> None:
    """Have so many clients there all the time, each beginning anew when it is refused, until somebody says enough.

    It is said that they are there after `begin_seconds`.
    """
    seen: Counter[str] = Counter()

    async def one(n: int) -> None:
        await asyncio.sleep(BYTE_SECONDS * n / number)
        while True:
            try:
                await again(n, seen)
            except BROKEN as error:
                seen[type(error).__name__] += 1
                await asyncio.sleep(BYTE_SECONDS)

    clients = [asyncio.create_task(one(n)) for n in range(number)]
    # All of them have begun.
    await asyncio.sleep(begin_seconds)
    pipe.send("there")
    await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
    for client in clients:
        client.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*clients, return_exceptions=True)
    pipe.send(seen)


def slow_headers(pipe: Pipe, port: int, number: int, beginning: bytes) -> None:
    """Be clients who send their headers a byte at a time."""
    rest = b"X-Slow: " + b"a" * 4000
    asyncio.run(stay(number, lambda n, seen: send_slowly(port, n, beginning, rest, seen), pipe))


def slow_bodies(pipe: Pipe, port: int, number: int, beginning: bytes) -> None:
    """Be clients who send their bodies a byte at a time."""
    rest = b'{"title": "' + b"a" * 4000
    asyncio.run(stay(number, lambda n, seen: send_slowly(port, n, beginning, rest, seen), pipe))


def slow_readers(pipe: Pipe, port: int, number: int, beginning: bytes) -> None:
    """Be clients who read their answers a byte at a time."""
    # What they have asked for is answered as far as the buffers go: that many answers at once are load, and not slow.
    asyncio.run(stay(number, lambda n, seen: read_slowly(port, n, beginning, seen), pipe, ANSWERED_SECONDS))


def run_hold(
    pipe: Pipe, port: int, requests: Sequence[bytes], number: int, seconds: float, sample: int
) -> None:
    """Hold connections; see `hold`."""
    pipe.send(asyncio.run(hold(port, requests, number, seconds, sample, pipe)))


def run_pace(pipe: Pipe, pace: Pace, seconds: float) -> None:
    """Keep a pace; see `keep_pace`."""
    pipe.send(asyncio.run(keep_pace(pace, seconds)))


@contextmanager
def elsewhere(target: Callable[..., None], *arguments: object) -> Iterator[Pipe]:
    """Run a crowd in a process of its own; gives the line to it."""
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=target, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        process.terminate()
        process.join()


def hear(pipe: Pipe, seconds: float) -> Any:
    """Wait for a word of a crowd."""
    if not pipe.poll(seconds):
        raise BenchError("A crowd of the benchmark did not report in time.")
    try:
        return pipe.recv()
    except EOFError:
        raise BenchError("A crowd of the benchmark ended without a report.") from None
