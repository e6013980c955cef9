"""The table of contents of the API."""

from noteassist.blueprints import ai_tools, auth, notes, notifications, system, tasks

BLUEPRINTS = (
    system.blp,
    auth.public,
    auth.account,
    notes.notes,
    notes.chapters,
    notes.topics,
    notes.tags,
    ai_tools.ai_tools,
    ai_tools.topic_ai,
    tasks.tasks,
    notifications.notifications,
)
