"""What Redis knows of a session: that it lives, and of which version its user's notes are.

A *fact* says so, signed with the server's key, and is there only while it is true:

    who reads    finds no fact, is given a lease, asks the database, states the fact under the lease
    who writes   marks the user before the commit: the facts and the lease are gone, and none is given meanwhile;
                 commits; takes the mark back, with whatever was written there in the meantime

So a fact was read from the database after the last write that was marked, and before the next one was: it cannot be
too old. What is lost from Redis costs a reader a look at the database, never more. A writer that dies leaves a mark
that is over after MARK_SECONDS. (Leases: Nishtala et al., Scaling Memcache at Facebook, NSDI 2013, section 3.2.1.)

A fact names the run of the Redis server and the epoch (closing.py) it was stated in: a server that was started anew
with an old snapshot, or a replica that took over, says nothing that counts.
"""

import hmac
import secrets
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from noteassist.limiting import Window
from noteassist.limiting.shared import COUNTING, counting_words, figures_of
from noteassist.redis_scripts import Connection, Script, Scripts

# Longer than any commit takes: statements end after 30 s.
MARK_SECONDS = 60
FACT_SECONDS = 3600
LEASE_SECONDS = 60
LONGEST_FACT = 200
MAC_BYTES = 16

# KEYS: facts, marks, windows. ARGV: session, the fact that is expected, what makes a lease unique, then as COUNTING.
# Gives what COUNTING gives where the fact is as expected. Else {2} where a write is under way, or {3, lease, fact}.
_ASK = Script(
    f"""\
local first, before = 2, 3
if redis.call('EXISTS', KEYS[2]) == 1 then return {{2}} end
local fact = redis.pcall('HGET', KEYS[1], ARGV[1])
if fact ~= ARGV[2] then
  local lease = redis.pcall('HGET', KEYS[1], 'lease')
  if type(lease) == 'table' or type(fact) == 'table' then redis.call('DEL', KEYS[1]) end
  if type(lease) ~= 'string' or #lease > 100 then
    local time = redis.call('TIME')
    lease = time[1] .. '.' .. time[2] .. '.' .. ARGV[3]
    redis.call('HSET', KEYS[1], 'lease', lease)
    if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], {LEASE_SECONDS * 1000}) end
  end
  if type(fact) ~= 'string' or #fact > {LONGEST_FACT} then fact = '' end
  return {{3, lease, fact}}
end
"""
    + COUNTING
)
# KEYS: facts, marks. ARGV: session, lease, fact.
_STATE = Script(f"""\
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
if redis.pcall('HGET', KEYS[1], 'lease') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[1], {FACT_SECONDS * 1000})
return 1
""")
# KEYS: facts, marks. ARGV: the mark. Marks have the time when they are over; one of a writer that died is removed.
_MARK = Script(f"""\
redis.call('DEL', KEYS[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('TYPE', KEYS[2]).ok ~= 'zset' then redis.call('DEL', KEYS[2]) end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('ZADD', KEYS[2], now + {MARK_SECONDS * 1000}, ARGV[1])
redis.call('PEXPIRE', KEYS[2], {MARK_SECONDS * 1000})
return 1
""")
_SETTLE = Script("""\
redis.call('DEL', KEYS[1])
redis.pcall('ZREM', KEYS[2], ARGV[1])
return 1
""")


class Fact(NamedTuple):
    """That a session of a user lives until `expires` (Unix time), and the version of the user's notes."""

    version: int
    tier: str
    expires: int
    epoch: str
    run_id: str
    written: bytes


class Lease(NamedTuple):
    """The right to state what is read from now on of a user; ends with the next write."""

    token: bytes
    epoch: str
    run_id: str


class Question(NamedTuple):
    """What is asked of one session; `windows` are those of the fact's tier."""

    user_id: int
    session_id: int
    fact: Fact | None
    windows: Sequence[Window]
    call: bytes


class Found(NamedTuple):
    """An answer: the figures of the windows where the fact was as expected, else what there is instead."""

    figures: Sequence[int] | None = None
    lease: Lease | None = None
    fact: Fact | None = None


class Facts:
    """The facts in Redis. All raise what redis-py raises, after 0.25 s at the latest."""

    def __init__(self, scripts: Scripts, key: bytes) -> None:
        self.scripts = scripts
        self.key = key
        self.own = secrets.token_hex(8)
        self.read = lru_cache(maxsize=10_000)(self._read)

    def question(
        self, user_id: int, session_id: int, fact: Fact | None, windows: Sequence[Window]
    ) -> Question:
        """Prepare what is asked once for each request of a session."""
        expected = b"?" if fact is None else fact.written
        keys = (*_keys(user_id), *(window.key for window in windows))
        call = _ASK.call(len(keys), *keys, session_id, expected, self.own, *counting_words(windows))
        return Question(user_id, session_id, fact, windows, call)

    def ask(self, question: Question, epoch: str) -> Found:
        """Ask whether the fact still holds and, if so, count a request."""

        def over(connection: Connection) -> Found:
            fact, call = question.fact, question.call
            if fact is not None and (fact.run_id != connection.run_id or fact.epoch != epoch):
                call = self.question(question.user_id, question.session_id, None, ()).call
            answer = connection.call(_ASK, call)
            if isinstance(answer, bytes):
                return Found(figures=figures_of(answer))
            if answer[0] == 2:
                return Found()
            found = self.read(question.user_id, question.session_id, answer[2])
            if found is not None and (found.run_id != connection.run_id or found.epoch != epoch):
                found = None
            return Found(lease=Lease(answer[1], epoch, connection.run_id), fact=found)

        return self.scripts.use(over)

    def state(
        self, lease: Lease, user_id: int, session_id: int, *, version: int, tier: str, expires: int
    ) -> None:
        """State a fact that was read from the database under a lease; nothing happens where that has ended."""
        said = b"%d:%b:%d:%b:%b" % (
            version,
            tier.encode(),
            expires,
            lease.epoch.encode(),
            lease.run_id.encode(),
        )
        fact = said + b":" + self._mac(user_id, session_id, said)
        call = _STATE.call(2, *_keys(user_id), session_id, lease.token, fact)

        def over(connection: Connection) -> None:
            if connection.run_id == lease.run_id:
                connection.call(_STATE, call)

        self.scripts.use(over)

    def mark(self, user_id: int, mark: str) -> None:
        """Take back all that is stated of a user, until the mark is taken back; for MARK_SECONDS at most."""
        call = _MARK.call(2, *_keys(user_id), mark)
        self.scripts.use(lambda connection: connection.call(_MARK, call))

    def settle(self, user_id: int, mark: str) -> None:
        """Take a mark back, with what was stated in spite of it (it may have been lost)."""
        call = _SETTLE.call(2, *_keys(user_id), mark)
        self.scripts.use(lambda connection: connection.call(_SETTLE, call))

    def _read(self, user_id: int, session_id: int, written: bytes) -> Fact | None:
        """Read what stands in Redis; None where it is not from us, or about somebody else."""
        said, _, mac = written.rpartition(b":")
        if not hmac.compare_digest(mac, self._mac(user_id, session_id, said)):
            return None
        version, tier, expires, epoch, run_id = said.decode().split(":")
        return Fact(int(version), tier, int(expires), epoch, run_id, written)

    def _mac(self, user_id: int, session_id: int, said: bytes) -> bytes:
        return (
            hmac.digest(self.key, b"%d:%d:%b" % (user_id, session_id, said), "sha256")[:MAC_BYTES]
            .hex()
            .encode()
        )


def _keys(user_id: int) -> tuple[str, str]:
    return f"facts:{{u{user_id}}}", f"marks:{{u{user_id}}}"
