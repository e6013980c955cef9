"""Routes of notes."""

from typing import Any

from flask import Response
from flask.views import MethodView

from noteassist.api.answers import nothing, thing
from noteassist.api.blueprints import IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH, Blueprint
from noteassist.api.conditional import expectation
from noteassist.api.keeping import kept
from noteassist.api.pages import answer_page, page_request
from noteassist.api.schemas import PageQuery, page_of
from noteassist.blueprints.notes import schemas
from noteassist.security.guards import current_actor, signed_in
from noteassist.services import bulk, trash
from noteassist.services import notes as service

notes = Blueprint(
    "notes",
    __name__,
    url_prefix="/api/notes",
    guard=signed_in,
    description="Study notes and everything in them.",
)

KEYED = (IDEMPOTENCY_KEY,)
POSTED = (400, 409, 413, 415)


def made(note: dict[str, Any]) -> Response:
    """Answer with a note that was made."""
    return thing(note, 201, location=f"/api/notes/{note['id']}/")


@notes.route("/")
class Notes(MethodView):
    """My notes."""

    @notes.gives(200, page_of(schemas.NoteOut), headers=(IF_NONE_MATCH,), has_query=True)
    @notes.takes(schemas.NoteQuery, location="query")
    @kept
    def get(self, query: dict[str, Any]) -> Response:
        """List my notes, newest first."""
        page = page_request(query)
        wanted = service.NoteFilter(
            status=query.get("status"),
            tags=tuple(query.get("tag", ())),
            q=query.get("q"),
            created_after=query.get("created_after"),
            created_before=query.get("created_before"),
        )
        return answer_page(service.list_notes(current_actor(), wanted, query["ordering"], page))

    @notes.gives(201, schemas.NoteDetail, headers=KEYED, refusals=POSTED)
    @notes.takes(schemas.NoteIn)
    def post(self, body: dict[str, Any]) -> Response:
        """Make a note, with or without chapters and topics."""
        return made(service.create_note(current_actor(), **body))


@notes.route("/<id:note_id>/")
class Note(MethodView):
    """One of my notes."""

    @notes.gives(200, schemas.NoteDetail, headers=(IF_NONE_MATCH,), refusals=(404,))
    @kept
    def get(self, note_id: int) -> Response:
        """Read a note with its chapters and topics."""
        return thing(service.get_note(current_actor(), note_id))

    @notes.gives(200, schemas.NoteDetail, headers=(IF_MATCH,), refusals=(404,))
    @notes.takes(schemas.NoteReplacement)
    def put(self, body: dict[str, Any], note_id: int) -> Response:
        """Replace a note with everything in it."""
        return thing(service.replace_note(current_actor(), note_id, body, expect=expectation()))

    @notes.gives(200, schemas.NoteDetail, headers=(IF_MATCH,), refusals=(404,))
    @notes.takes(schemas.NoteChange)
    def patch(self, body: dict[str, Any], note_id: int) -> Response:
        """Change a note's title, tags or status."""
        return thing(service.update_note(current_actor(), note_id, body, expect=expectation()))

    @notes.gives(204, headers=(IF_MATCH,), refusals=(404,), has_query=True)
    @notes.takes(schemas.DeleteQuery, location="query")
    def delete(self, query: dict[str, Any], note_id: int) -> Response:
        """Move a note to the trash, or delete it for good."""
        delete = trash.purge_note if query["permanent"] == "true" else service.trash_note
        delete(current_actor(), note_id, expect=expectation())
        return nothing()


@notes.route("/<id:note_id>/reorder/")
class Reorder(MethodView):
    """The order within a note."""

    @notes.gives(200, schemas.NoteDetail, headers=(IF_MATCH, *KEYED), refusals=(404, *POSTED))
    @notes.takes(schemas.NewOrder)
    def post(self, body: dict[str, Any], note_id: int) -> Response:
        """Put a note's chapters and topics into a new order."""
        return thing(service.reorder_note(current_actor(), note_id, body["chapters"], expect=expectation()))


@notes.route("/<id:note_id>/duplicate/")
class Duplicate(MethodView):
    """Copies of a note."""

    @notes.gives(201, schemas.NoteDetail, headers=KEYED, refusals=(404, *POSTED))
    def post(self, note_id: int) -> Response:
        """Make a draft that is a copy of a note."""
        return made(service.duplicate_note(current_actor(), note_id))


@notes.route("/bulk/")
class Bulk(MethodView):
    """Many notes at once."""

    @notes.gives(200, schemas.BulkResults, headers=KEYED, refusals=POSTED)
    @notes.takes(schemas.BulkAction)
    def post(self, body: dict[str, Any]) -> Response:
        """Do one thing to up to 500 notes; each id has its own result."""
        return thing({"results": bulk.apply_to_notes(current_actor(), body.pop("ids"), **body)})


@notes.route("/trash/")
class Trash(MethodView):
    """The trash."""

    @notes.gives(200, page_of(schemas.TrashedNote), headers=(IF_NONE_MATCH,), has_query=True)
    @notes.takes(PageQuery, location="query")
    def get(self, query: dict[str, Any]) -> Response:
        """List my trashed notes, the last deleted first."""
        return answer_page(trash.list_trash(current_actor(), page_request(query)))


@notes.route("/<id:note_id>/restore/")
class Restore(MethodView):
    """The way back from the trash."""

    @notes.gives(200, schemas.NoteDetail, headers=KEYED, refusals=(404, *POSTED))
    def post(self, note_id: int) -> Response:
        """Bring a note back from the trash."""
        return thing(trash.restore_note(current_actor(), note_id))
