"""Routes of imports."""

from typing import Any

from flask import Response, g, request
from flask.views import MethodView

from noteassist.api.answers import thing
from noteassist.api.blueprints import IDEMPOTENCY_KEY, Blueprint
from noteassist.blueprints.ai_tools.schemas import TaskAccepted
from noteassist.blueprints.imports import schemas, uploads
from noteassist.security.guards import current_actor, signed_in
from noteassist.services.imports import importing, receiving

imports = Blueprint(
    "imports",
    __name__,
    url_prefix="/api/notes/import",
    guard=signed_in,
    description="Notes out of files that people have from elsewhere.",
)

UPLOAD_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "additionalProperties": False,
                "properties": {
                    "file": {
                        "type": "string",
                        "contentMediaType": "application/octet-stream",
                        "description": "At most 25 MiB: .md, .json, .zip, .jex, .apkg, .pdf or .docx.",
                    }
                },
            }
        }
    },
}


def read_first() -> None:
    """Read the file, or keep it for a task, before the request's transaction begins: nothing waits meanwhile."""
    uploads.allow_upload()
    upload = uploads.read_upload()
    is_dry_run = request.args.get("dry_run") == "true"
    file = (upload.name, upload.media_type, upload.content)
    g.received = receiving.receive(current_actor(), *file, is_dry_run=is_dry_run)


imports.before_request(read_first)


@imports.route("/")
class Import(MethodView):
    """Imports."""

    @imports.doc(requestBody=UPLOAD_BODY)  # type: ignore[untyped-decorator]  # flask-smorest ships no types
    @imports.gives(
        201,
        schemas.Imported,
        headers=(IDEMPOTENCY_KEY,),
        refusals=(400, 409, 413, 415),
        has_query=True,
        also={200: schemas.Preview, 202: TaskAccepted},
    )
    @imports.takes(schemas.ImportQuery, location="query")
    def post(self, query: dict[str, Any]) -> Response:
        """Make notes of a file: all that can be made of it, or none; `skipped` says what was left out, and why.

        Files of more than 2 MiB (PDF: 256 KiB), or with more than 100 notes or 1,000 topics, are a task: 202.
        """
        actor, received = current_actor(), g.received
        if query["dry_run"] == "true":
            return thing(importing.preview(received.reading))
        if received.reading is None:
            return accepted(receiving.request_import(actor, received))
        return thing(importing.create_notes(actor, received.name, received.reading), 201)


def accepted(task_id: str) -> Response:
    """Answer that a task goes on with it."""
    url = f"/api/tasks/{task_id}/"
    body = {"task_id": task_id, "status": "queued", "status_url": url, "events_url": f"{url}events/"}
    return thing(body, 202, location=url)
