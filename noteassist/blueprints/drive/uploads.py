"""Notes and outputs in Google Drive."""

from typing import Any

from flask import Response
from flask.views import MethodView

from noteassist.api.blueprints import Blueprint
from noteassist.api.settings import current_settings
from noteassist.api.waiting import answer_task
from noteassist.blueprints.ai_tools.schemas import TaskAccepted
from noteassist.blueprints.drive import schemas
from noteassist.blueprints.drive.routes import POSTED
from noteassist.security.guards import current_actor, signed_in
from noteassist.services.drive.uploads import Source, ask_for_upload

note_drive = Blueprint(
    "note_drive", __name__, url_prefix="/api/notes", guard=signed_in, description="Notes in Google Drive."
)
output_drive = Blueprint(
    "output_drive",
    __name__,
    url_prefix="/api/ai-tools",
    guard=signed_in,
    description="What AI tools made, in Google Drive.",
)

UPLOAD: dict[str, Any] = POSTED | {"also": {201: schemas.Uploaded}}


def answer_upload(source: Source, source_id: int, form: str) -> Response:
    """Have something uploaded; answers with the task, or with the file in Drive when the caller would wait."""
    actor = current_actor()
    task_id = ask_for_upload(current_settings(), actor, source, source_id, form)
    return answer_task(actor, task_id, "queued", {}, lambda result: str(result["web_view_link"]))


@note_drive.route("/<id:note_id>/upload-to-drive/")
class NoteUpload(MethodView):
    """A note in Google Drive."""

    @note_drive.gives(202, TaskAccepted, **UPLOAD)
    @note_drive.takes(schemas.NoteUploadIn)
    def post(self, body: dict[str, Any], note_id: int) -> Response:
        """Upload a note to Google Drive."""
        return answer_upload("note", note_id, body["format"])


@output_drive.route("/<id:output_id>/upload-to-drive/")
class OutputUpload(MethodView):
    """An output in Google Drive."""

    @output_drive.gives(202, TaskAccepted, **UPLOAD)
    @output_drive.takes(schemas.OutputUploadIn)
    def post(self, body: dict[str, Any], output_id: int) -> Response:
        """Upload an output to Google Drive."""
        return answer_upload("output", output_id, body["format"])
