"""Routes of the AI tools."""

from collections.abc import Mapping
from typing import Any

from flask import Response, request
from flask.views import MethodView

from noteassist.api.answers import nothing, thing
from noteassist.api.attachments import attachment, set_aside
from noteassist.api.blueprints import IDEMPOTENCY_KEY, IF_NONE_MATCH, PREFER, Blueprint
from noteassist.api.pages import answer_page, page_request
from noteassist.api.schemas import page_of
from noteassist.api.settings import current_settings
from noteassist.api.waiting import answer_task
from noteassist.blueprints.ai_tools import schemas
from noteassist.blueprints.notes.schemas import SingleTopic
from noteassist.security.guards import current_actor, signed_in
from noteassist.security.permissions import Scope
from noteassist.services.ai import downloads, outputs, quota, saving, topic_tools
from noteassist.services.ai.asking import Asked, Wish, ask

ai_tools = Blueprint(
    "ai_tools",
    __name__,
    url_prefix="/api/ai-tools",
    guard=signed_in,
    description="Tools that explain, improve, summarise and program; each answer is kept for 30 days.",
)

ASKED: dict[str, Any] = {
    "headers": (IDEMPOTENCY_KEY, PREFER),
    "refusals": (403, 409, 429, 502, 504),
    "also": {201: schemas.OutputOut},
    "scope": Scope.AI,
}
POSTED = (400, 404, 409, 413, 415)


def output_url(output: Mapping[str, Any]) -> str:
    """Say where an output is."""
    return f"/api/ai-tools/{output['id']}/"


def answer_asked(asked: Asked) -> Response:
    """Answer with the task of what was asked, or with its output when the caller would wait."""
    headers = asked.allowance.headers if asked.allowance else {}
    return answer_task(current_actor(), asked.task_id, asked.status, headers, output_url)


def asked(tool: str, fields: Mapping[str, str | None]) -> Response:
    """Ask a tool and answer."""
    return answer_asked(ask(current_settings(), current_actor(), Wish(tool, fields)))


@ai_tools.route("/generate/")
class Generate(MethodView):
    """Explanations."""

    @ai_tools.gives(202, schemas.TaskAccepted, **ASKED)
    @ai_tools.takes(schemas.GenerateIn)
    def post(self, body: dict[str, Any]) -> Response:
        """Have a topic explained."""
        return asked("generate", body)


@ai_tools.route("/improve/")
class Improve(MethodView):
    """Better texts."""

    @ai_tools.gives(202, schemas.TaskAccepted, **ASKED)
    @ai_tools.takes(schemas.ImproveIn)
    def post(self, body: dict[str, Any]) -> Response:
        """Have a text improved."""
        return asked("improve", body)


@ai_tools.route("/summarize/")
class Summarize(MethodView):
    """Shorter texts."""

    @ai_tools.gives(202, schemas.TaskAccepted, **ASKED)
    @ai_tools.takes(schemas.SummarizeIn)
    def post(self, body: dict[str, Any]) -> Response:
        """Have a text summarised."""
        return asked("summarize", body)


@ai_tools.route("/code/")
class Code(MethodView):
    """Programs."""

    @ai_tools.gives(202, schemas.TaskAccepted, **ASKED)
    @ai_tools.takes(schemas.CodeIn)
    def post(self, body: dict[str, Any]) -> Response:
        """Have something programmed."""
        return asked("code", body)


@ai_tools.route("/history/")
class History(MethodView):
    """What the tools made for me."""

    @ai_tools.gives(200, page_of(schemas.OutputOut), headers=(IF_NONE_MATCH,), has_query=True)
    @ai_tools.takes(schemas.HistoryQuery, location="query")
    def get(self, query: dict[str, Any]) -> Response:
        """List what the tools made for me, newest first."""
        page = outputs.list_outputs(current_actor(), page_request(query), tool=query.get("tool"))
        return answer_page(page)


@ai_tools.route("/quota/")
class Quota(MethodView):
    """What is left of this hour."""

    @ai_tools.gives(200, schemas.QuotaOut)
    def get(self) -> Response:
        """Tell how many calls I have used, and when they come back."""
        return thing(quota.describe_quota(current_settings(), current_actor()))


@ai_tools.route("/<id:output_id>/")
class Output(MethodView):
    """One thing that a tool made."""

    @ai_tools.gives(200, schemas.OutputOut, headers=(IF_NONE_MATCH,), refusals=(404,))
    def get(self, output_id: int) -> Response:
        """Read an output."""
        return thing(outputs.get_output(current_actor(), output_id))

    @ai_tools.gives(204, refusals=(404,))
    def delete(self, output_id: int) -> Response:
        """Delete an output; usage statistics stay."""
        outputs.delete_output(current_actor(), output_id)
        return nothing()


@ai_tools.route("/<id:output_id>/save-to-note/")
class SaveToNote(MethodView):
    """Outputs as notes."""

    @ai_tools.gives(
        201, schemas.Saved, headers=(IDEMPOTENCY_KEY,), refusals=POSTED, also={200: schemas.Saved}
    )
    @ai_tools.takes(schemas.SaveIn)
    def post(self, body: dict[str, Any], output_id: int) -> Response:
        """Save an output into a note; it does not expire then."""
        saved, is_new = saving.save_to_note(current_actor(), output_id, body)
        location = f"/api/topics/{saved['topic_id']}/" if is_new else None
        return thing(saved, 201 if is_new else 200, location=location)


@ai_tools.route("/<id:output_id>/download/")
class Download(MethodView):
    """Outputs as files."""

    @ai_tools.gives(200, refusals=(404,), has_query=True)
    @ai_tools.takes(schemas.DownloadQuery, location="query")
    def get(self, query: dict[str, Any], output_id: int) -> Response:
        """Download an output; downloads are counted."""
        return download(output_id, query["format"])

    @ai_tools.gives(200, refusals=(404,), has_query=True)
    @ai_tools.takes(schemas.DownloadQuery, location="query")
    def post(self, query: dict[str, Any], output_id: int) -> Response:
        """Download an output; downloads are counted."""
        return download(output_id, query["format"])


def download(output_id: int, form: str) -> Response:
    """Answer with an output as a file; who only asks how it is (HEAD) has not downloaded it."""
    output = outputs.get_output(current_actor(), output_id)
    with set_aside():
        file = downloads.make_file(output, form)
    if request.method != "HEAD":
        downloads.count(current_actor(), output_id)
    return attachment(file.name, file.media_type, file.content)


@ai_tools.route("/<id:output_id>/apply/")
class Apply(MethodView):
    """Outputs put into the topic that they were made over."""

    @ai_tools.gives(200, SingleTopic, headers=(IDEMPOTENCY_KEY,), refusals=POSTED)
    @ai_tools.takes(schemas.ApplyIn)
    def post(self, body: dict[str, Any], output_id: int) -> Response:
        """Put an output into its topic, as a new revision."""
        return thing(topic_tools.apply_to_topic(current_actor(), output_id, body["topic_id"]))
