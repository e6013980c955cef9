"""Routes that are not about notes: health, documentation, and the pages that mails link to."""

from importlib.resources import files

from flask import Response, render_template, request, send_from_directory
from flask.views import MethodView
from marshmallow import fields, validate

from noteassist import metrics as all_metrics
from noteassist.api.answers import to_json
from noteassist.api.blueprints import Blueprint
from noteassist.api.errors import answer_problem
from noteassist.api.openapi import document
from noteassist.api.schemas import BaseSchema
from noteassist.api.settings import current_settings
from noteassist.blueprints.system.health import parts_of_the_server
from noteassist.blueprints.system.metrics import metrics_text, require_reader
from noteassist.security.guards import anyone

blp = Blueprint("system", __name__, guard=anyone, description="Health of the server.")

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SWAGGER_FILES = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"})
OWN_FILES = frozenset({"docs.js", "pages.js", "pages.css"})


class Health(BaseSchema):
    """How the server is."""

    status = fields.String(required=True, validate=validate.OneOf(["ok", "degraded", "unavailable"]))
    parts = fields.Dict(keys=fields.String(), values=fields.String())


def health_answer(value: dict[str, object]) -> Response:
    """Answer with health, which nobody may cache."""
    return Response(to_json(value), headers={"Cache-Control": "no-store"}, mimetype="application/json")


@blp.route("/healthz", endpoint="health")
class Liveness(MethodView):
    """Whether the process lives."""

    @blp.gives(200, Health)
    def get(self) -> Response:
        """Say that the process lives, whatever it depends on."""
        return health_answer({"status": "ok"})


@blp.route("/readyz", endpoint="readiness")
class Readiness(MethodView):
    """Whether it can serve."""

    @blp.gives(200, Health)
    def get(self) -> Response:
        """Say whether requests can be served, and which parts are away."""
        parts = parts_of_the_server(current_settings())
        if parts["database"] != "ok":
            return answer_problem(
                503, "not_ready", "The database is not available.", headers={"Retry-After": "2"}
            )
        away = [name for name, state in parts.items() if state == "unavailable"]
        return health_answer({"status": "degraded" if away else "ok", "parts": parts})


@blp.page("/metrics")
def metrics() -> Response:
    """Give the metrics of all processes, for Prometheus."""
    settings = current_settings()
    require_reader(settings, request.environ)
    headers = {"Cache-Control": "no-store", "Content-Type": all_metrics.CONTENT_TYPE}
    return Response(metrics_text(settings), headers=headers)


@blp.page("/")
def home() -> Response:
    """Send people with a browser to the documentation."""
    return Response(status=303, headers={"Location": "/api/docs/"})


@blp.page("/api/openapi.json")
def openapi() -> Response:
    """Give the OpenAPI document."""
    return Response(document(), headers={"Cache-Control": "no-cache"}, mimetype="application/json")


@blp.page("/api/docs/")
def docs() -> Response:
    """Show the interactive documentation."""
    return page("docs.html")


@blp.page("/verify-email")
def verify_email() -> Response:
    """Show the page that a verification mail links to."""
    return page("verify_email.html")


@blp.page("/reset-password")
def reset_password() -> Response:
    """Show the page that a mail for a new password links to."""
    return page("reset_password.html")


@blp.page("/api/docs/files/<name>")
def page_file(name: str) -> Response:
    """Give a file of the pages; every one comes from this server."""
    if name in OWN_FILES:
        return send_from_directory(str(files("noteassist") / "static"), name, max_age=3600)
    folder = str(files("flask_swagger_ui") / "dist")
    return send_from_directory(folder, name if name in SWAGGER_FILES else "-", max_age=86400)


def page(template: str) -> Response:
    """Show a page that loads nothing from elsewhere."""
    headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"}
    return Response(render_template(template), headers=headers, mimetype="text/html")
