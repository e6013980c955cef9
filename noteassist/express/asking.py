"""Asking an AI tool: one row in the database, and the answer is that it is there.

token is ours            else NotAuthenticated
body fits its schema     else --------------------------------------------------> Flask, which says what is wrong
without limits: task is made, if the session lives, in one statement; when it was not, go on
session lives            else NotAuthenticated, Forbidden
request is counted       else TooManyRequests
task is made, or the answer found, in one transaction      else QuotaExceeded, AiNotConfigured, ...
"""

from functools import partial
from wsgiref.types import WSGIEnvironment

from marshmallow import Schema, ValidationError

from noteassist import db
from noteassist.api.limits import COUNTED, RequestLimits
from noteassist.api.waiting import accepted
from noteassist.blueprints.ai_tools.schemas import CodeIn, GenerateIn, ImproveIn, SummarizeIn
from noteassist.config import Settings
from noteassist.express.answer import Answer
from noteassist.security.guards import read_actor
from noteassist.security.sessions import read_bearer
from noteassist.services.ai.asking import Asked, Wish, ask, ask_at_once, needs_one_statement


class Asking:
    """The AI tools that make something."""

    def __init__(self, settings: Settings, limits: RequestLimits | None) -> None:
        self.settings = settings
        self.limits = limits
        shapes: dict[str, Schema] = {
            "generate": GenerateIn(),
            "improve": ImproveIn(),
            "summarize": SummarizeIn(),
            "code": CodeIn(),
        }
        self.tools = {f"/api/ai-tools/{tool}/": (tool, shape) for tool, shape in shapes.items()}

    def route_of(self, environ: WSGIEnvironment) -> str | None:
        """Name the route of a POST of a tool with a JSON body."""
        path: str = environ["PATH_INFO"]
        if (
            environ["REQUEST_METHOD"] != "POST"
            or path not in self.tools
            or environ["noteassist.json"] is None
        ):
            return None
        return path

    def answer(self, environ: WSGIEnvironment) -> Answer | None:
        """Ask the tool; None where Flask has to look at the request. Raises AppError."""
        try:
            asked = self._ask(environ, *self.tools[environ["PATH_INFO"]])
        except ValidationError:
            return None
        body, headers = accepted(asked.task_id, asked.status)
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        narrower = None if asked.allowance is None else asked.allowance.headers
        return Answer("202 Accepted", list(headers.items()), (body,), narrower)

    def _ask(self, environ: WSGIEnvironment, tool: str, shape: Schema) -> Asked:
        bearer = read_bearer(environ["HTTP_AUTHORIZATION"], db.utcnow())
        wish = Wish(tool, shape.load(environ["noteassist.json"][0]))
        was_tried = needs_one_statement(self.settings, wish)
        if was_tried:
            asked = ask_at_once(self.settings, bearer, wish)
            if asked is not None:
                environ["noteassist.user"] = bearer.user_id
                return asked
        actor = read_actor(environ["HTTP_AUTHORIZATION"])
        environ["noteassist.user"] = actor.user_id
        if self.limits is not None:
            environ[COUNTED] = self.limits.count(actor)
        return db.in_transaction(partial(ask, self.settings, actor, wish, was_tried=was_tried))
