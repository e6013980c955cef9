"""Watching a task: its events in order, and how it ended as the last of them."""

from typing import Any

from sqlalchemy import bindparam, func, select

from noteassist import db
from noteassist.errors import NotFound
from noteassist.models import TaskEvent
from noteassist.models.tasks import TaskId
from noteassist.security.actors import Actor
from noteassist.services.tasks.events import events_since
from noteassist.services.tasks.reading import State, get_state, get_task
from noteassist.services.tasks.telling import task_signal

_LAST = db.Prepared(
    select(func.max(TaskEvent.id)).where(TaskEvent.task_id == bindparam("task", type_=TaskId))
)

News = list[tuple[str, int, dict[str, Any]]]


class Watch:
    """What one watcher of a task has been told: everything up to the id `after`.

    The end has the id after the last event's, so a watcher who has seen it can say so.
    """

    def __init__(self, actor: Actor, task_id: str, after: int) -> None:
        """Begin to watch; raises NotFound."""
        self.actor = actor
        self.task_id = task_id
        self.after = after
        self.has_ended = False
        self.channel = get_state(actor, task_id).channel

    @property
    def signals(self) -> tuple[str, ...]:
        """Name the signals of news: the task's, and that of the one which does the work."""
        return task_signal(self.task_id), task_signal(self.channel)

    def is_told(self) -> bool:
        """Say whether the watcher has been told of the end already."""
        state = get_state(self.actor, self.task_id)
        return state.has_ended and self.after > self._last_event(state)

    def _last_event(self, state: State) -> int:
        return db.read_rows(_LAST, {"task": state.channel})[0][0] or 0

    def look(self) -> News:
        """Give the news since the last look; a task that is gone ends without a word."""
        try:
            # Read before the events: none that belongs before the end is missed then.
            state = get_state(self.actor, self.task_id)
            found = events_since(state.channel, self.after)
            if found:
                self.after = found[-1].id
                return [(row.kind, row.id, dict(row.data) | {"attempt": row.attempt}) for row in found]
            if not state.has_ended:
                return []
            self.has_ended = True
            return [(state.status, self.after + 1, get_task(self.actor, self.task_id))]
        except NotFound:
            self.has_ended = True
            return []
