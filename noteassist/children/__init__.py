"""Work on untrusted input in warm child processes with limits: a crash, a bomb or an endless loop stays there.

`call()` runs a function of the table in `tasks.py`. Bytes go in and bytes come out; nothing is pickled.
"""

from noteassist.children.errors import ChildFailed, ChildOutOfMemory, ChildTimedOut, Refused
from noteassist.children.pool import Pool, call
from noteassist.children.tasks import TASKS, Task

__all__ = ["TASKS", "ChildFailed", "ChildOutOfMemory", "ChildTimedOut", "Pool", "Refused", "Task", "call"]
