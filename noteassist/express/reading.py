"""Reading the list of notes as it comes, or a note: what is asked after each click that changed something.

session lives            else NotAuthenticated, Forbidden
request is counted       else TooManyRequests
note is the caller's     else NotFound
the caller has it already ---------------------------------------------------------> 304
200; the front keeps it
"""

import re
from datetime import datetime
from typing import Any
from wsgiref.types import WSGIEnvironment

from noteassist import db
from noteassist.api.answers import encoded, headers_of, matches, page_body, tag_of, to_json, variant_of
from noteassist.api.limits import COUNTED, RequestLimits
from noteassist.api.pages import Asked, page_links
from noteassist.api.schemas import LARGEST_ID
from noteassist.blueprints.notes.schemas import NoteQuery
from noteassist.errors import NotFound
from noteassist.express.answer import Answer
from noteassist.front import Front
from noteassist.security.actors import Actor
from noteassist.security.guards import admitted
from noteassist.security.sessions import Bearer, read_bearer
from noteassist.services.reading_in_session import read_first_page, read_note

LIST, NOTE = "/api/notes/", "/api/notes/<id:note_id>/"
NOTE_PATH = re.compile(r"/api/notes/([0-9]{1,19})/")


class Reading:
    """The list of notes, and a note; `front` keeps what was answered."""

    def __init__(self, limits: RequestLimits | None, front: Front | None) -> None:
        self.limits = limits
        self.front = front
        # What the route takes where nothing is given.
        self.size: int = NoteQuery().load({})["page_size"]

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
        now = db.utcnow()
        bearer = read_bearer(environ["HTTP_AUTHORIZATION"], now)
        found, content = self._read(bearer, now, environ["PATH_INFO"])
        actor = admitted(found)
        environ["noteassist.user"] = actor.user_id
        if self.limits is not None and COUNTED not in environ:
            environ[COUNTED] = self.limits.count(actor)
        if self.front is not None:
            self.front.state(environ, actor)
        if content is None:
            raise NotFound
        body = to_json(content)
        tag = tag_of(body)
        known = environ.get("HTTP_IF_NONE_MATCH", "")
        if known and matches(known, tag):
            return Answer("304 NOT MODIFIED", list(headers_of(variant_of(known, tag)).items()), ())
        body, headers = encoded(body, headers_of(tag), environ.get("HTTP_ACCEPT_ENCODING", ""))
        shown = [*headers.items(), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        if self.front is not None:
            self.front.keep_answer(environ, actor, actor.notes_version, shown, body)
        return Answer("200 OK", shown, (body,))

    def _read(self, bearer: Bearer, now: datetime, path: str) -> tuple[Actor | None, Any]:
        """Read what is wanted; it is not to be shown before the caller was looked at."""
        if path != LIST:
            return read_note(bearer, now, int(path.split("/")[3]))
        actor, page = read_first_page(bearer, now, self.size)
        return actor, page_body(page, *page_links(page, Asked(bearer.user_id, path)))
