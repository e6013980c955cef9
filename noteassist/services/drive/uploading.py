"""Uploading: the slow part, in a worker. Whatever breaks, the next attempt goes on, and there is one file.

The file's id is drawn and kept before the first byte, and the session's address as soon as it is known. An attempt
that finds them asks the session how far it is.
"""

from http import HTTPStatus

from noteassist.services.drive import documents, sessions, uploads
from noteassist.services.drive.calls import Answer, Json, md5_of
from noteassist.services.drive.drive import Drive, drive_of
from noteassist.services.drive.sessions import RESUME_INCOMPLETE, Content
from noteassist.services.drive.trouble import AlreadyThere, GoogleAway, NotThere
from noteassist.services.drive.uploads import UploadState
from noteassist.services.tasks.failures import TryLater
from noteassist.services.tasks.runs import Outcome, TaskRun

# How often one attempt begins anew before it leaves the task to another one.
RESTARTS = 4
# How often a session may take nothing of what is sent.
STALLS = 3
STARTED, SENT = 10, 99


def upload(run: TaskRun) -> Outcome:
    """Upload what the task says; raises TryLater, Fail, LostLease."""
    with drive_of(run) as drive:
        run.progress(2, "The document is being made.")
        file = documents.make(run.task)
        content = Content(file.name, file.media_type, file.content, md5_of(file.content))
        uploaded = Upload(run, drive, content).finish()
    file_id = str(uploaded["id"])
    link = uploaded.get("webViewLink") or f"https://drive.google.com/file/d/{file_id}/view"
    result = {"drive_file_id": file_id, "web_view_link": link}
    return Outcome(effect=lambda _: uploads.remember(run, file_id, content.name), result=result)


class Upload:
    """One attempt at an upload."""

    def __init__(self, run: TaskRun, drive: Drive, content: Content) -> None:
        self.run, self.drive, self.content = run, drive, content
        self.state = uploads.load(run) or self._fresh()
        # How many bytes have arrived; None where the session has to be asked.
        self.offset: int | None = None
        self.restarts = self.stalls = 0

    def finish(self) -> Json:
        """Go on until the file is there with the right bytes; gives it. Raises GoogleError, TryLater, LostLease."""
        file = self._reconciled()
        while file is None:
            file = self._begun() if self.state.session is None else self._continued(self.state.session)
        return file

    def _fresh(self) -> UploadState:
        state = UploadState(self.drive.access.google_sub, self.drive.new_file_id())
        return uploads.save(self.run, state)

    def _reconciled(self) -> Json | None:
        """Bring an earlier attempt and this one together: another Google account, or other bytes than then.

        Gives the file where the earlier attempt had been done, but for our knowing it.
        """
        if self.state.google_sub != self.drive.access.google_sub:
            self.state = self._fresh()
        if self.state.md5 == self.content.md5:
            return None
        begun = self.state.md5 != ""
        file = self.drive.file(self.state.file_id) if begun else None
        if file is not None and _is(file, self.state.size, self.state.md5):
            return file
        self._save(session=None, size=self.content.size, md5=self.content.md5, is_replacing=file is not None)
        return None

    def _begun(self) -> Json | None:
        """Start a session; gives the file where it is there already."""
        self._restart()
        try:
            session = sessions.start(
                self.drive, self.content, self.state.file_id, is_replacing=self.state.is_replacing
            )
        except AlreadyThere:
            return self._found()
        except NotThere:
            if not self.state.is_replacing:
                raise GoogleAway from None
            return self._found()
        self._save(session=session)
        self.offset = 0
        self.run.progress(STARTED, "The upload has begun.")
        return None

    def _found(self) -> Json | None:
        """Look at the file with our id: an answer that we never had may have made it."""
        file = self.drive.file(self.state.file_id)
        if file is None:
            # Its owner has deleted it for good meanwhile, and an id is used once.
            self._save(file_id=self.drive.new_file_id(), session=None, is_replacing=False)
            return None
        if _is(file, self.content.size, self.content.md5):
            return file
        self._save(session=None, is_replacing=True)
        return None

    def _continued(self, session: str) -> Json | None:
        """Ask the session or send a chunk; gives the file when it is whole."""
        if self.offset is None:
            answer = sessions.ask(self.drive, session, self.content.size)
        else:
            answer = sessions.send_chunk(self.drive, session, self.content, self.offset)
        if answer.status == RESUME_INCOMPLETE:
            self._arrived(sessions.received(answer))
            return None
        if answer.is_success:
            return self._verified(answer)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self.drive.renew()
            self.offset = None
            return None
        if _ends_session(answer):
            self._save(session=None)
            return None
        raise answer.error()

    def _arrived(self, size: int) -> None:
        """Note how much has arrived; raises GoogleAway when nothing more does again and again."""
        if size >= self.content.size or (self.offset is not None and size <= self.offset):
            self.stalls += 1
            if self.stalls >= STALLS:
                raise GoogleAway("Google Drive does not take the file just now.")
        else:
            self.stalls = 0
        # All of it, and still no file: the session is asked again.
        self.offset = None if size >= self.content.size else size
        share = min(1.0, size / max(1, self.content.size))
        percent = STARTED + int((SENT - STARTED) * share)
        self.run.progress(percent, f"{size:,} of {self.content.size:,} bytes have arrived.")

    def _verified(self, answer: Answer) -> Json | None:
        """Give the file that was made, where it is ours; else it is to be replaced."""
        file = answer.json()
        if "md5Checksum" not in file or "size" not in file:
            file = self.drive.file(self.state.file_id) or {}
        if _is(file, self.content.size, self.content.md5) and file.get("id") == self.state.file_id:
            return file
        return self._found()

    def _restart(self) -> None:
        self.restarts += 1
        if self.restarts > RESTARTS:
            detail = "Google Drive loses the upload again and again."
            raise TryLater("drive_unsteady", detail, waiting_for="drive")

    def _save(self, **values: object) -> None:
        self.state = uploads.save(self.run, self.state.changed(**values))
        self.offset = None


def _is(file: Json, size: int, md5: str) -> bool:
    """Say whether a file in Drive has these bytes; Drive writes sizes as texts."""
    return str(file.get("size")) == str(size) and file.get("md5Checksum") == md5


def _ends_session(answer: Answer) -> bool:
    """Say whether a session is over: 404 and 410 say so, and so does every 4xx that is no pause and no refusal."""
    others = {HTTPStatus.FORBIDDEN, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
    return answer.status in range(400, 500) and answer.status not in others
