"""Routes of a note's revisions."""

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate

from noteassist.api.answers import thing
from noteassist.api.blueprints import IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH, Blueprint
from noteassist.api.conditional import expectation
from noteassist.api.keeping import kept
from noteassist.api.pages import answer_page, page_request
from noteassist.api.schemas import BaseSchema, Moment, PageQuery, QueryNumber, page_of
from noteassist.blueprints.notes.schemas import LARGEST_ORDER, NoteDetail
from noteassist.security.guards import current_actor, signed_in
from noteassist.services.revisions import reading, restoring

revisions = Blueprint(
    "revisions",
    __name__,
    url_prefix="/api/notes/<id:note_id>/revisions",
    guard=signed_in,
    description="What a note said after each change.",
)

ORIGINS = ("user", "ai", "import", "restore")


class RevisionOut(BaseSchema):
    """A state that a note had."""

    number = fields.Integer(required=True, metadata={"description": "1, 2, ... within the note."})
    origin = fields.String(required=True, validate=validate.OneOf(ORIGINS))
    summary = fields.String(required=True, metadata={"description": "What the change was."})
    created_at = Moment(required=True)


class WholeRevision(RevisionOut):
    """A state that a note had, as a whole."""

    note = fields.Nested(
        NoteDetail, required=True, metadata={"description": "The note as it was; its status is today's."}
    )


class Difference(BaseSchema):
    """What leads from one revision to another."""

    number = fields.Integer(required=True)
    against = fields.Integer(required=True, metadata={"description": "0: nothing, before the first one."})
    diff = fields.String(required=True, metadata={"description": "Unified; empty where both say the same."})


class DiffQuery(BaseSchema):
    """Which revision to compare with."""

    against = QueryNumber(1, LARGEST_ORDER, metadata={"description": "By default the one before."})


@revisions.route("/")
class Revisions(MethodView):
    """The revisions of a note."""

    @revisions.gives(200, page_of(RevisionOut), headers=(IF_NONE_MATCH,), refusals=(404,), has_query=True)
    @revisions.takes(PageQuery, location="query")
    @kept
    def get(self, query: dict[str, Any], note_id: int) -> Response:
        """List the revisions of a note, newest first."""
        return answer_page(reading.list_revisions(current_actor(), note_id, page_request(query)))


@revisions.route("/<id:number>/")
class Revision(MethodView):
    """One revision."""

    @revisions.gives(200, WholeRevision, headers=(IF_NONE_MATCH,), refusals=(404,))
    @kept
    def get(self, note_id: int, number: int) -> Response:
        """Read a revision with the note as it then was."""
        return thing(reading.get_revision(current_actor(), note_id, number))


@revisions.route("/<id:number>/diff/")
class Diff(MethodView):
    """The difference between two revisions."""

    @revisions.gives(200, Difference, headers=(IF_NONE_MATCH,), refusals=(404,), has_query=True)
    @revisions.takes(DiffQuery, location="query")
    @kept
    def get(self, query: dict[str, Any], note_id: int, number: int) -> Response:
        """Compare a revision with another one."""
        return thing(reading.diff_revisions(current_actor(), note_id, number, query.get("against")))


@revisions.route("/<id:number>/restore/")
class Restore(MethodView):
    """The way back to a revision."""

    @revisions.gives(200, NoteDetail, headers=(IF_MATCH, IDEMPOTENCY_KEY), refusals=(400, 404, 409, 413, 415))
    def post(self, note_id: int, number: int) -> Response:
        """Make a note say again what it said at a revision, as a new revision."""
        restored = restoring.restore_revision(current_actor(), note_id, number, expect=expectation())
        return thing(restored)
