"""Unified diffs in bounded time."""

import difflib
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

CONTEXT_LINES = 3
# Comparisons of lines, about a second's; beyond, two texts have so little in common that one replaces the other.
MOST_COMPARISONS = 2_000_000


class TooDifferent(Exception):
    """Finding what two texts have in common would take too long."""


class BoundedMatcher(difflib.SequenceMatcher[str]):
    """Compares lines, and gives up where difflib would go on for minutes, as it does with some texts."""

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        super().__init__(None, old, new)
        self.lengths = len(old), len(new)
        self.spent = 0
        # SequenceMatcher itself leaves out lines that make up more than 1 % of a long text.
        most = len(new) // 100 + 1 if len(new) >= 200 else len(new)
        counts = {line: count for line, count in Counter(new).items() if count <= most}
        self.costs = list(accumulate((1 + counts.get(line, 0) for line in old), initial=0))

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> difflib.Match:
        """Find the longest common run of lines; raises TooDifferent."""
        end = self.lengths[0] if ahi is None else ahi
        self.spent += self.costs[end] - self.costs[alo]
        if self.spent > MOST_COMPARISONS:
            raise TooDifferent
        return super().find_longest_match(alo, ahi, blo, bhi)

    def get_opcodes(self) -> list[tuple[str, int, int, int, int]]:  # type: ignore[override]  # plain words
        """Tell what turns the old lines into the new ones."""
        try:
            return list(super().get_opcodes())
        except TooDifferent:
            return [("replace", 0, self.lengths[0], 0, self.lengths[1])]


def unified_diff(old: Sequence[str], new: Sequence[str], old_name: str, new_name: str) -> str:
    """Make the unified diff of two texts given as lines; empty where they are the same."""
    if list(old) == list(new):
        return ""
    lines = [f"--- {old_name}", f"+++ {new_name}"]
    for group in BoundedMatcher(old, new).get_grouped_opcodes(CONTEXT_LINES):
        (_, i_first, _, j_first, _), (_, _, i_last, _, j_last) = group[0], group[-1]
        lines.append(f"@@ -{_range(i_first, i_last)} +{_range(j_first, j_last)} @@")
        for tag, i_start, i_stop, j_start, j_stop in group:
            if tag == "equal":
                lines += [f" {line}" for line in old[i_start:i_stop]]
                continue
            lines += [f"-{line}" for line in old[i_start:i_stop]]
            lines += [f"+{line}" for line in new[j_start:j_stop]]
    return "\n".join(lines) + "\n"


def _range(start: int, stop: int) -> str:
    """Write a range of lines as unified diffs do: its first line, and its length unless that is 1."""
    length = stop - start
    first = start + 1 if length else start
    return str(first) if length == 1 else f"{first},{length}"
