"""Somebody else writes into Redis: nothing is unpickled, nothing breaks, nobody is let in and nothing old is read."""

import itertools
import pickle
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faults.pairs import Pair

pytestmark = pytest.mark.xdist_group("warm-redis")
Client = Any


class Bomb:
    """Makes a file where it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        return open, (self.path, "w")


STRINGS = (
    b"", b"\x00", b"\xff\xfe\x80", b"nonsense", b"-1", b"-9223372036854775808", b"9223372036854775807", b"9" * 400,
    b"1e309",
    b"nan", b"0x10", b"1.5", b" 1", b"1 ", b"null", b"true", b"[]", b"{}", b'{"user_id": 1}', b"\x80",
    b"\xdd\xff\xff\xff\xff",
    b"\x93\x01\x02\x03", b"\xc1", "١".encode(), b"x" * 100_000, b"\r\n$-1\r\n", b"%s%s%s", b"\xcb\x7f\xf8\0\0\0\0\0\0",
)  # fmt: skip
TYPES: dict[str, Callable[[Client, bytes], Any]] = {
    "list": lambda client, key: client.rpush(key, b"1", b"x"),
    "set": lambda client, key: client.sadd(key, b"1"),
    "hash": lambda client, key: client.hset(key, b"version", b"nonsense"),
    "empty fields": lambda client, key: client.hset(
        key, mapping={b"": b"", b"v": b"9" * 400, b"tier": b"GOD"}
    ),
    "sorted set": lambda client, key: client.zadd(key, {b"1": float("inf")}),
    "stream": lambda client, key: client.xadd(key, {b"1": b"1"}),
    "bits": lambda client, key: client.setbit(key, 100_000, 1),
    "counts": lambda client, key: client.pfadd(key, b"1"),
}


@pytest.fixture
def settled(pair: Pair) -> Iterator[Pair]:
    """Give both servers with Redis behind them."""
    pair.settle()
    yield pair
    with pair.client() as client:
        client.flushall()


def overwrite(client: Client, write: Callable[[Client, bytes], Any]) -> None:
    """Replace everything there is; what ends by itself goes on to."""
    for key in list(client.scan_iter()):
        left = client.pttl(key)
        client.delete(key)
        write(client, key)
        if left > 0:
            client.pexpire(key, left)


def deface(client: Client, write: Callable[[Client, bytes], Any]) -> None:
    """Replace the values within whatever has fields, and what has none as a whole."""
    for key in list(client.scan_iter()):
        if client.type(key) != b"hash":
            client.delete(key)
            write(client, key)
            continue
        for field in client.hkeys(key):
            client.hset(key, field, random.Random(field).choice(STRINGS))


def check(
    pair: Pair, client: Client, write: Callable[[Client, bytes], Any], how: Callable[..., None]
) -> None:
    """Use both servers while everything that they keep in Redis is replaced again and again."""
    author = pair.author()
    ended, kept = author.session(pair.a), author.session(pair.b)
    author.warm_up()
    how(client, write)
    author.read_everywhere(pair.a)
    how(client, write)
    author.must_write(pair.a)
    author.read_everywhere(pair.b)
    author.warm_up()
    author.sign_out(pair.b, ended)
    how(client, write)
    author.check_refused(ended, pair.a)
    author.read(pair.b, kept)
    how(client, write)
    author.check_refused(ended, pair.b)
    author.must_write(pair.b)
    how(client, write)
    author.read_everywhere(pair.a)
    client.flushall()


def words_and_types() -> Iterator[Callable[[Client, bytes], Any]]:
    """Give every hostile value in turn, for ever."""

    def word(value: bytes) -> Callable[[Client, bytes], Any]:
        return lambda client, key: client.set(key, value)

    # No two neighbours are of one kind: of a few keys that belong together each gets another.
    every = [*map(word, STRINGS), *TYPES.values()]
    return itertools.cycle(every[::5] + every[1::5] + every[2::5] + every[3::5] + every[4::5])


@pytest.mark.parametrize(("how", "rounds"), [(overwrite, 10), (deface, 4)])
def test_hostile_words_and_types_show_nothing_old_and_let_nobody_in(
    settled: Pair, how: Callable[..., None], rounds: int
) -> None:
    values = words_and_types()
    with settled.client() as client:
        for _ in range(rounds):
            check(settled, client, lambda client, key: next(values)(client, key), how)


def test_nothing_is_unpickled(settled: Pair, tmp_path: Any) -> None:
    mark = tmp_path / "unpickled"
    bombs = [pickle.dumps(Bomb(str(mark)), protocol) for protocol in (0, 2, 4)]
    turns = itertools.cycle(
        [lambda client, key, bomb=bomb: client.set(key, bomb) for bomb in bombs]
        + [lambda client, key, bomb=bomb: client.hset(key, b"v", bomb) for bomb in bombs]
    )
    with settled.client() as client:
        for _ in range(3):
            check(settled, client, lambda client, key: next(turns)(client, key), overwrite)
    assert not mark.exists()


def test_what_was_said_of_one_user_says_nothing_of_another(settled: Pair) -> None:
    one, other = settled.author(), settled.author()
    with settled.client() as client:
        for _ in range(2):
            for author in (one, other):
                author.must_write(settled.a)
            ended = one.session(settled.b)
            for author in (one, other):
                author.warm_up()
            one.sign_out(settled.a, ended)
            for author in (one, other):
                assert author.person.get(settled.wire(settled.b), author.place).json["id"] == author.note_id
            keys = sorted(client.scan_iter())
            kept = {key: client.dump(key) for key in keys}
            for key, neighbour in zip(keys, keys[1:] + keys[:1], strict=True):
                client.restore(key, 0, kept[neighbour], replace=True)
            one.check_refused(ended, settled.b)
            client.flushall()
            for author in (one, other):
                author.read_everywhere(settled.b)
