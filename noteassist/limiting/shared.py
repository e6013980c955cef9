"""Counting in Redis, for all processes together."""

from collections.abc import Sequence

from noteassist.limiting.windows import SLICES, Window
from noteassist.redis_scripts import Script, Scripts

# The end of a script. `first` keys come before those of the windows, and `before` arguments before: the time in
# microseconds, or nothing for Redis' own; limit and seconds of each window. What somebody else has written under a
# key counts as nothing. A hit of the future, before the clock was set back, becomes one of now, also where the
# request is refused: it is over one window later.
COUNTING = """\
local now = tonumber(ARGV[before + 1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local kept, used, changed, refused, windows = {}, {}, {}, 0, #KEYS - first
for i = 1, windows do
  local limit, span = tonumber(ARGV[before + 2 * i]), ARGV[before + 2 * i + 1] * 1000000
  local packed, hits, sum = redis.pcall('GET', KEYS[first + i]), {}, 0
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
for i = 1, windows do
  local limit, span = tonumber(ARGV[before + 2 * i]), ARGV[before + 2 * i + 1] * 1000000
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
  if changed[i] then redis.call('SET', KEYS[first + i], cmsgpack.pack(hits), 'PX', span / 1000) end
  local missing, freed = math.max(1, used[i] - limit + 1), 0
  for j = 1, #hits, 2 do
    missing = missing - hits[j + 1]
    if missing <= 0 then
      freed = hits[j] + span - now
      break
    end
  end
  answer[2 * i], answer[2 * i + 1] = used[i], string.format('%d', freed)
end
return table.concat(answer, ' ')
""".replace("SLICES", str(SLICES))
SCRIPT = Script("local first, before = 0, 0\n" + COUNTING)


class SharedCounter:
    """Counts by a script, in one round trip; raises what redis-py raises, after 0.25 s at the latest."""

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts

    def count(self, windows: Sequence[Window], now: int | None = None) -> list[int]:
        """Count a request in all windows, or in none of them; gives the figures that `verdict_of` reads."""
        keys = (window.key for window in windows)
        call = SCRIPT.call(len(windows), *keys, *counting_words(windows, now))
        return figures_of(self.scripts.use(lambda connection: connection.call(SCRIPT, call)))


def figures_of(answer: bytes) -> list[int]:
    """Read what COUNTING gives: numbers in one string, which is read in a third of the time of a list."""
    return [int(figure) for figure in answer.split()]


def counting_words(windows: Sequence[Window], now: int | None = None) -> list[str | int]:
    """List the arguments of COUNTING; `now` in microseconds, None for Redis' own time."""
    words: list[str | int] = ["" if now is None else now]
    for window in windows:
        words += (window.limit, window.seconds)
    return words
