"""Routes of the connection to Google Drive."""

from typing import Any

from flask import Response
from flask.views import MethodView

from noteassist.api.answers import nothing, secret_thing, thing
from noteassist.api.blueprints import IDEMPOTENCY_KEY, IF_NONE_MATCH, PREFER, Blueprint
from noteassist.api.settings import current_settings
from noteassist.api.waiting import answer_task
from noteassist.blueprints.ai_tools.schemas import TaskAccepted
from noteassist.blueprints.drive import schemas
from noteassist.security.guards import current_actor, signed_in
from noteassist.security.permissions import Scope
from noteassist.services.drive import connections, consent
from noteassist.services.drive.importing import ask_for_import

drive = Blueprint(
    "drive",
    __name__,
    url_prefix="/api/drive",
    guard=signed_in,
    description="The connection to Google Drive: only files that NoteAssist made or the user picked are seen.",
)

POSTED: dict[str, Any] = {"headers": (IDEMPOTENCY_KEY, PREFER), "refusals": (404, 409, 502, 504)}


@drive.route("/connect/")
class Connect(MethodView):
    """The way to Google."""

    @drive.gives(200, schemas.ConsentOut, scope=Scope.PERSON)
    def get(self) -> Response:
        """Give the address where access to Drive can be allowed; it is good for ten minutes, once."""
        return secret_thing({"authorization_url": consent.begin(current_settings(), current_actor())})


@drive.route("/status/")
class Status(MethodView):
    """My connection."""

    @drive.gives(200, schemas.DriveStatus, headers=(IF_NONE_MATCH,))
    def get(self) -> Response:
        """Say whether my Drive is connected, and whether it has to be connected again."""
        return thing(connections.describe(current_settings(), current_actor()))


@drive.route("/connection/")
class Connection(MethodView):
    """The end of my connection."""

    @drive.gives(204, refusals=(404,), scope=Scope.PERSON)
    def delete(self) -> Response:
        """Disconnect Drive now; Google is told to forget the consent, as soon as it answers."""
        connections.disconnect(current_settings(), current_actor())
        return nothing()


@drive.route("/import/")
class Import(MethodView):
    """Files of my Drive as notes."""

    @drive.gives(202, TaskAccepted, **POSTED)
    @drive.takes(schemas.ImportIn)
    def post(self, body: dict[str, Any]) -> Response:
        """Import a file that was picked in Drive, of at most 25 MiB."""
        task_id = ask_for_import(current_settings(), current_actor(), body["file_id"])
        return answer_task(current_actor(), task_id, "queued", {}, lambda _: f"/api/tasks/{task_id}/")
