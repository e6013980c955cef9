"""The offline provider: study help without any language model, the same output for the same input."""

from noteassist.services.ai.offline.improvements import improve
from noteassist.services.ai.offline.outlines import Reference, outline
from noteassist.services.ai.offline.skeletons import skeleton
from noteassist.services.ai.offline.summaries import summarize

LABEL = "*Made offline by NoteAssist, without a language model.*"

__all__ = ["LABEL", "Reference", "improve", "outline", "skeleton", "summarize"]
