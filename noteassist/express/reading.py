"""Reading the list of notes as it comes, or a note: what is asked after each click that changed something.

session lives            else NotAuthenticated, Forbidden
request is counted       else TooManyRequests
note is the caller's     else NotFound
the caller has it already ---------------------------------------------------------> 304
200; the front keeps it
"""

import re
from typing import Any
from wsgiref.types import WSGIEnvironment

from noteassist.api.answers import encoded, headers_of, matches, page_body, tag_of, to_json, variant_of
from noteassist.api.limits import COUNTED, RequestLimits
from noteassist.api.pages import Asked, page_links
from noteassist.api.schemas import LARGEST_ID
from noteassist.blueprints.notes.schemas import NoteQuery
from noteassist.express.answer import Answer
from noteassist.front import Front
from noteassist.paging import PageRequest
from noteassist.security.actors import Actor
from noteassist.security.guards import read_actor
from noteassist.services import notes

LIST, NOTE = "/api/notes/", "/api/notes/<id:note_id>/"
NOTE_PATH = re.compile(r"/api/notes/([0-9]{1,19})/")


class Reading:
    """The list of notes, and a note; `front` keeps what was answered."""

    def __init__(self, limits: RequestLimits | None, front: Front | None) -> None:
        self.limits = limits
        self.front = front
        # What the route takes where nothing is given.
        usual = NoteQuery().load({})
        self.ordering: str = usual["ordering"]
        self.first_page = PageRequest(usual["page_size"])

    def route_of(self, environ: WSGIEnvironment) -> str | None:
        """Name the route of a GET of the list or of a note."""
        if environ["REQUEST_METHOD"] != "GET":
            return None
        path: str = environ["PATH_INFO"]
        if path == LIST:
            return LIST
        found = NOTE_PATH.fullmatch(path)
        return NOTE if found and 1 <= int(found[1]) <= LARGEST_ID else None

    def answer(self, environ: WSGIEnvironment) -> Answer:
        """Read it; raises AppError."""
        actor = read_actor(environ["HTTP_AUTHORIZATION"])
        environ["noteassist.user"] = actor.user_id
        if self.limits is not None and COUNTED not in environ:
            environ[COUNTED] = self.limits.count(actor)
        if self.front is not None:
            self.front.state(environ, actor)
        body = to_json(self._read(actor, environ["PATH_INFO"]))
        tag = tag_of(body)
        known = environ.get("HTTP_IF_NONE_MATCH", "")
        if known and matches(known, tag):
            return Answer("304 NOT MODIFIED", list(headers_of(variant_of(known, tag)).items()), ())
        body, headers = encoded(body, headers_of(tag), environ.get("HTTP_ACCEPT_ENCODING", ""))
        shown = [*headers.items(), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        if self.front is not None:
            self.front.keep_answer(environ, actor, actor.notes_version, shown, body)
        return Answer("200 OK", shown, (body,))

    def _read(self, actor: Actor, path: str) -> Any:
        if path != LIST:
            return notes.get_note(actor, int(path.split("/")[3]))
        page = notes.list_notes(actor, notes.NoteFilter(), self.ordering, self.first_page)
        return page_body(page, *page_links(page, Asked(actor.user_id, path)))
