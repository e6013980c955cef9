"""What the queue's dashboard reads, so that nothing in Redis is run by looking at it.

RQ and its dashboard would unpickle what lies there. Bells are JSON, and what is none of ours is shown as far as that
goes.
"""

from typing import Any

from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from noteassist.errors import Conflict


class ReadableJob(Job):
    """A job whose contents are read as JSON or not at all."""

    def __init__(self, id: str | None = None, connection: Any = None, serializer: Any = None) -> None:  # noqa: A002  # RQ's own names
        super().__init__(id, connection=connection, serializer=JSONSerializer)

    def get_call_string(self) -> str:
        """Say what the job is; its arguments are not looked at."""
        return self.description or ""

    def latest_result(self, timeout: int = 0) -> Any:
        """Give how it ended; None where that cannot be read."""
        try:
            return super().latest_result(timeout)
        except (ValueError, TypeError):
            return None

    def get_meta(self, refresh: bool = True) -> Any:
        """Give what else stands in it; nothing where that cannot be read."""
        try:
            return super().get_meta(refresh)
        except (ValueError, TypeError):
            return {}


class ReadableQueue(Queue):
    """A queue of such jobs."""

    job_class = ReadableJob

    def __init__(self, name: str = "default", **options: Any) -> None:
        super().__init__(name, **{**options, "serializer": JSONSerializer, "job_class": ReadableJob})

    def compact(self) -> None:
        """Drop bells whose jobs are gone; RQ's own fails where the queue is empty."""
        if not self.is_empty():
            super().compact()  # type: ignore[no-untyped-call]  # RQ's own says nothing of types


class ReadableWorker(Worker):
    """A worker that is looked at; it never works."""

    @classmethod
    def all(cls, connection: Any = None, **_: Any) -> Any:  # type: ignore[override]  # what the dashboard asks with
        """List all workers."""
        return super().all(
            connection=connection,
            job_class=ReadableJob,
            queue_class=ReadableQueue,
            serializer=JSONSerializer,
        )


def requeue(job_id: str, connection: Any) -> Job:
    """Queue a job again that has failed; raises Conflict for any other."""
    job = ReadableJob.fetch(job_id, connection=connection)
    if not job.is_failed:
        raise Conflict("Only a job that has failed can be queued again.", code="job_not_failed")
    return job.requeue()
