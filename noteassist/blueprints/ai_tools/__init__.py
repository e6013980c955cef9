"""AI tools: asking them, and what they made."""

from noteassist.blueprints.ai_tools.routes import ai_tools
from noteassist.blueprints.ai_tools.topics import topic_ai

__all__ = ["ai_tools", "topic_ai"]
