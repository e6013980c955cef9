"""Routes of the dashboard."""

from flask import Response
from flask.views import MethodView

from noteassist.api.answers import thing
from noteassist.api.blueprints import IF_NONE_MATCH, Blueprint
from noteassist.blueprints.dashboard import schemas
from noteassist.security.guards import current_actor, signed_in
from noteassist.services.dashboard import reading

dashboard = Blueprint(
    "dashboard",
    __name__,
    url_prefix="/api/dashboard",
    guard=signed_in,
    description="What you have, what you have done, and how it goes on.",
)


@dashboard.route("/")
class Dashboard(MethodView):
    """A start page."""

    @dashboard.gives(200, schemas.Dashboard, headers=(IF_NONE_MATCH,))
    def get(self) -> Response:
        """Give all of the dashboard at once."""
        return thing(reading.get_dashboard(current_actor()))


@dashboard.route("/overview/")
class Overview(MethodView):
    """What there is."""

    @dashboard.gives(200, schemas.DashboardOverview, headers=(IF_NONE_MATCH,))
    def get(self) -> Response:
        """Count my notes, chapters and topics, those of this week, and my uses of AI tools."""
        return thing(reading.get_overview(current_actor()))


@dashboard.route("/recent-activity/")
class RecentActivity(MethodView):
    """What was done last."""

    @dashboard.gives(200, schemas.ActivityPage, headers=(IF_NONE_MATCH,))
    def get(self) -> Response:
        """List the latest 20 things done, newest first."""
        return thing(reading.get_activity(current_actor()))


@dashboard.route("/ai-usage-stats/")
class AiUsageStats(MethodView):
    """How AI tools were used."""

    @dashboard.gives(200, schemas.AiUsageStats, headers=(IF_NONE_MATCH,))
    def get(self) -> Response:
        """Tell of each tool how it was used, and how many uses there were on each of 30 days."""
        return thing(reading.get_ai_usage(current_actor()))


@dashboard.route("/weekly-progress/")
class WeeklyProgress(MethodView):
    """What was written this week."""

    @dashboard.gives(200, schemas.Progress, headers=(IF_NONE_MATCH,))
    def get(self) -> Response:
        """Tell what was written on each of seven days, and for how many days in a row."""
        return thing(reading.get_progress(current_actor()))
