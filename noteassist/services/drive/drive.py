"""A user's Drive, for one attempt at a task: calls with the user's token, which is renewed once when it is refused."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from noteassist import db
from noteassist.services.drive import connections, endpoints
from noteassist.services.drive.access import Access, access_of
from noteassist.services.drive.calls import LARGEST_ANSWER, Answer, Json, Line
from noteassist.services.drive.trouble import (
    AccessExpired,
    GoogleAway,
    GoogleError,
    NotThere,
    RateLimited,
    backoff,
)
from noteassist.services.tasks.failures import Fail, TryLater
from noteassist.services.tasks.runs import TaskRun

# How long a task goes on asking a Google that does not answer.
PATIENCE = timedelta(hours=24)
# How long a task waits for its user to connect again.
RECONNECT_PATIENCE = timedelta(days=30)
FIELDS = "id,name,mimeType,size,md5Checksum,webViewLink"


class Drive:
    """A user's Drive."""

    def __init__(self, run: TaskRun, line: Line, user_id: int) -> None:
        self.run, self.line, self.user_id = run, line, user_id
        self.settings = run.settings
        self.has_renewed = False
        self.access: Access = access_of(self.settings, line, user_id)

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        largest: int = LARGEST_ANSWER,
    ) -> Answer:
        """Send a request with the user's token; a 401 is given like every other answer.

        Raises LostLease, GoogleAway.
        """
        self.run.require_lease()
        return self.line.send(
            method, url, token=self.access.token, headers=headers, content=content, largest=largest
        )

    def call(self, method: str, url: str, **options: Any) -> Answer:
        """Send a request that may be repeated; its answer is a success. Raises GoogleError, LostLease."""
        answer = self.send(method, url, **options)
        if answer.status == 401:
            self.renew()
            answer = self.send(method, url, **options)
        return answer.checked()

    def renew(self) -> None:
        """Renew the token that was refused; once for each attempt, else raises AccessExpired."""
        if self.has_renewed:
            raise AccessExpired
        self.has_renewed = True
        self.access = access_of(self.settings, self.line, self.user_id, worn=self.access.token)

    def new_file_id(self) -> str:
        """Draw the id of a file that will be made: sent twice, it makes one file."""
        url = f"{endpoints.at(self.settings, endpoints.FILES)}/generateIds?count=1&space=drive&type=files"
        ids = self.call("GET", url).json().get("ids")
        if not isinstance(ids, list) or not ids or not isinstance(ids[0], str):
            raise GoogleAway("Google's answer cannot be read.")
        return ids[0][:120]

    def file(self, file_id: str) -> Json | None:
        """Read what is known of a file; None where there is none."""
        try:
            answer = self.call("GET", f"{endpoints.file_at(self.settings, file_id)}?fields={FIELDS}")
        except NotThere:
            return None
        answer.text_of("id")
        return answer.json()


@contextmanager
def drive_of(run: TaskRun) -> Iterator[Drive]:
    """Give the Drive of a task's owner; what goes wrong there is raised as TryLater or Fail."""
    user_id = run.task.user_id
    if user_id is None:
        raise Fail("drive_not_connected", "This is nobody's Drive.")
    try:
        with Line(run.settings) as line:
            drive = Drive(run, line, user_id)
            yield drive
        connections.note_answer(user_id)
    except GoogleError as error:
        raise verdict(run, user_id, error) from error
    except TryLater as error:
        if error.code == "drive_needs_reconnect" and _age(run) > RECONNECT_PATIENCE:
            raise Fail(error.code, "Google Drive was not connected again for 30 days.") from error
        raise


def _age(run: TaskRun) -> timedelta:
    return db.utcnow() - run.task.created_at


def verdict(run: TaskRun, user_id: int, error: GoogleError) -> TryLater | Fail:
    """Decide what becomes of a task after a call that went wrong."""
    if isinstance(error, AccessExpired):
        return TryLater(error.code, error.detail, waiting_for="drive")
    if not isinstance(error, GoogleAway):
        return Fail(error.code, error.detail)
    since = connections.note_away(user_id)
    if since is not None and db.utcnow() - since.away_since > PATIENCE:
        return Fail(error.code, f"{error.detail} This was tried for a day.")
    # Not all at once when the pause that Google asks for is over.
    delay = backoff(run.task.attempt) + (error.pause or 0.0)
    if isinstance(error, RateLimited) and error.pause is None:
        delay *= 2
    return TryLater(error.code, error.detail, delay=delay, waiting_for="drive", counts=False)
