"""Routes of exports."""

from typing import Any

from flask import Response
from flask.views import MethodView

from noteassist.api.attachments import attachment, set_aside, stored_attachment
from noteassist.api.blueprints import IDEMPOTENCY_KEY, PREFER, Blueprint
from noteassist.api.waiting import answer_task
from noteassist.blueprints.ai_tools.schemas import TaskAccepted
from noteassist.blueprints.exports import schemas
from noteassist.security.guards import current_actor, signed_in
from noteassist.services import exporting
from noteassist.services.exports.formats import export_note
from noteassist.services.notes import get_note

exports = Blueprint(
    "exports",
    __name__,
    url_prefix="/api/notes",
    guard=signed_in,
    description="Notes as files to take along.",
)


@exports.route("/<id:note_id>/export/")
class Export(MethodView):
    """One note as a file."""

    @exports.gives(200, refusals=(404,), has_query=True)
    @exports.takes(schemas.ExportQuery, location="query")
    def get(self, query: dict[str, Any], note_id: int) -> Response:
        """Download a note as a file."""
        detail = get_note(current_actor(), note_id)
        with set_aside():
            file = export_note(detail, query["format"])
        return attachment(file.name, file.media_type, file.content)


@exports.route("/export/")
class ExportMany(MethodView):
    """Many notes as a file."""

    @exports.gives(
        202,
        TaskAccepted,
        headers=(IDEMPOTENCY_KEY, PREFER),
        refusals=(409, 502),
        also={201: schemas.ExportOut},
    )
    @exports.takes(schemas.ExportIn)
    def post(self, body: dict[str, Any]) -> Response:
        """Have notes exported, all of them or a choice, into a file that can be downloaded for 24 hours."""
        actor = current_actor()
        task_id = exporting.ask_for_export(actor, body["format"], body.get("ids"))
        return answer_task(actor, task_id, "queued", {}, lambda result: str(result["download_url"]))


@exports.route("/exports/<id:file_id>/")
class Download(MethodView):
    """Exports that are ready."""

    @exports.gives(200, refusals=(404,))
    def get(self, file_id: int) -> Response:
        """Download an export; 404 when its time is over."""
        return stored_attachment(*exporting.open_export(current_actor(), file_id))
