"""The table of contents of the API."""

from noteassist.blueprints import auth, notes, system

BLUEPRINTS = (
    system.blp,
    auth.public,
    auth.account,
    notes.notes,
    notes.chapters,
    notes.topics,
    notes.tags,
)
