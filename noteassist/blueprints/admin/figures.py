"""The figures that both the API and the console show."""

from typing import Any

from flask import current_app

from noteassist.api.settings import current_settings
from noteassist.api.shared_cache import remembered
from noteassist.services.administration.overview import is_large, read_overview
from noteassist.services.administration.usage import MOST_USERS, read_ai_usage


def overview() -> dict[str, Any]:
    """Give the numbers of the whole instance; a large one's may be a minute old."""
    return remembered(current_app, "admin-overview", read_overview, is_large)


def ai_usage() -> dict[str, Any]:
    """Give the AI use of 30 days; a large instance's may be a minute old."""
    return remembered(current_app, "admin-ai-usage", lambda: read_ai_usage(current_settings()), _is_large_use)


def _is_large_use(usage: dict[str, Any]) -> bool:
    return len(usage["by_user"]) >= MOST_USERS and sum(tool["requests"] for tool in usage["by_type"]) > 10_000
