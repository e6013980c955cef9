"""Counting in Redis, for all processes together."""

import hashlib
from collections.abc import Sequence
from typing import Any

import redis

from noteassist import redis_clients
from noteassist.limiting.windows import SLICES, Window

# KEYS: one for each window. ARGV: the time in microseconds, or nothing for Redis' own; limit and seconds of each
# window. What somebody else has written under a key counts as nothing. A hit of the future, before the clock was set
# back, becomes one of now, also where the request is refused: it is over one window later.
SCRIPT = """\
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local kept, used, changed, refused = {}, {}, {}, 0
for i, key in ipairs(KEYS) do
  local limit, span = tonumber(ARGV[2 * i]), ARGV[2 * i + 1] * 1000000
  local packed, hits, sum = redis.pcall('GET', key), {}, 0
  if type(packed) == 'string' then
    local readable, found = pcall(cmsgpack.unpack, packed)
    if readable and type(found) == 'table' and #found % 2 == 0 then
      for j = 1, #found, 2 do
        local last, number = tonumber(found[j]), tonumber(found[j + 1])
        if last and number then
          if last > now then last, changed[i] = now, true end
          if last + span > now then
            hits[#hits + 1] = last
            hits[#hits + 1] = number
            sum = sum + number
          else
            changed[i] = true
          end
        end
      end
    end
  end
  kept[i], used[i] = hits, sum
  if sum >= limit then refused = 1 end
end
local answer = {refused}
for i, key in ipairs(KEYS) do
  local limit, span = tonumber(ARGV[2 * i]), ARGV[2 * i + 1] * 1000000
  local hits, slice = kept[i], math.floor(span / SLICES)
  if refused == 0 then
    local size = #hits
    if size > 0 and math.floor(hits[size - 1] / slice) == math.floor(now / slice) then
      hits[size - 1] = now
      hits[size] = hits[size] + 1
    else
      hits[size + 1] = now
      hits[size + 2] = 1
    end
    used[i], changed[i] = used[i] + 1, true
  end
  if changed[i] then redis.call('SET', key, cmsgpack.pack(hits), 'PX', span / 1000) end
  local missing, freed = math.max(1, used[i] - limit + 1), 0
  for j = 1, #hits, 2 do
    missing = missing - hits[j + 1]
    if missing <= 0 then
      freed = hits[j] + span - now
      break
    end
  end
  answer[2 * i], answer[2 * i + 1] = used[i], freed
end
return answer
""".replace("SLICES", str(SLICES))
DIGEST = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()


class SharedCounter:
    """Counts by a script, in one round trip; raises what redis-py raises, after 0.25 s at the latest.

    Connections are used as they are: redis-py's client and its pool would take more processor time than all else.
    """

    def __init__(self, url: str) -> None:
        self.pool = redis_clients.quick(url).connection_pool
        # Connections of redis-py, whose own methods have no types.
        self.idle: list[Any] = []

    def count(self, windows: Sequence[Window], now: int | None = None) -> list[int]:
        """Count a request in all windows, or in none of them; gives the figures that `verdict_of` reads."""
        words: list[Any] = [len(windows), *(window.key for window in windows), "" if now is None else now]
        for window in windows:
            words += (window.limit, window.seconds)
        try:
            return self._call("EVALSHA", DIGEST, *words)
        except redis.exceptions.NoScriptError:
            return self._call("EVAL", SCRIPT, *words)

    def _call(self, *words: Any) -> list[int]:
        try:
            connection = self.idle.pop()
        except IndexError:
            return self._call_over(self.pool.make_connection(), words)
        try:
            return self._call_over(connection, words)
        except redis.TimeoutError:
            raise
        except redis.ConnectionError:
            # The server was started anew since; so are the others of its connections over.
            self.idle.clear()
            return self._call_over(self.pool.make_connection(), words)

    def _call_over(self, connection: Any, words: Sequence[Any]) -> list[int]:
        try:
            connection.send_packed_command(connection.pack_command(*words), check_health=False)
            answer: list[int] = connection.read_response()
        except redis.ResponseError:
            self.idle.append(connection)
            raise
        except BaseException:
            connection.disconnect()
            raise
        self.idle.append(connection)
        return answer
