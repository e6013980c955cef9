"""The route of everything that the server has of somebody."""

from flask import Response
from flask.views import MethodView

from noteassist import db
from noteassist.api.attachments import streamed_attachment
from noteassist.api.blueprints import Blueprint
from noteassist.security.guards import current_actor, in_person
from noteassist.services.account_export import export_account

account_export = Blueprint(
    "account_export",
    __name__,
    url_prefix="/api/auth/me/export",
    guard=in_person,
    description="Everything that this server has of its user.",
)


@account_export.route("/")
class AccountExport(MethodView):
    """All my data."""

    @account_export.gives(200)
    def get(self) -> Response:
        """Download everything of mine as one ZIP file, which is sent while it is written."""
        name = f"noteassist-account-{db.utcnow():%Y-%m-%d}.zip"
        return streamed_attachment(name, "application/zip", export_account(current_actor()))
