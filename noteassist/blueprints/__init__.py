"""The table of contents of the API."""

from noteassist.blueprints import (
    ai_tools,
    auth,
    code,
    drive,
    exports,
    imports,
    notes,
    notifications,
    search,
    system,
    tasks,
)

BLUEPRINTS = (
    system.blp,
    auth.public,
    auth.account,
    notes.notes,
    imports.imports,
    exports.exports,
    notes.chapters,
    notes.topics,
    notes.tags,
    notes.revisions,
    search.search,
    ai_tools.ai_tools,
    ai_tools.topic_ai,
    drive.drive,
    drive.drive_return,
    drive.note_drive,
    drive.output_drive,
    code.code,
    code.topic_runs,
    tasks.tasks,
    notifications.notifications,
)
