"""Running code: programs that are sent, and those in topics."""

from noteassist.blueprints.code.routes import code, topic_runs

__all__ = ["code", "topic_runs"]
