"""Counting of requests: never more than so many in any window of so many seconds.

In Redis for all processes together, in one round trip however many windows there are, and within the process where
there is no Redis or while it is away (docs/adr/0031-one-round-trip-for-all-limits.md).
"""

from noteassist.limiting.counter import Counter
from noteassist.limiting.windows import Allowance, Verdict, Window, verdict_of

__all__ = ["Allowance", "Counter", "Verdict", "Window", "verdict_of"]
