"""Notes, their chapters and topics, and the tags on them."""

from noteassist.blueprints.notes.chapters import chapters
from noteassist.blueprints.notes.notes import notes
from noteassist.blueprints.notes.revisions import revisions
from noteassist.blueprints.notes.tags import tags
from noteassist.blueprints.notes.topics import topics

__all__ = ["chapters", "notes", "revisions", "tags", "topics"]
