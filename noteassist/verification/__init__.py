"""Walking through the API as a user would, and saying what works."""

from noteassist.verification import accounts, ai_tools, files, notes
from noteassist.verification.walk import Result, Step, Walk

__all__ = ["STEPS", "Result", "Walk"]

STEPS: tuple[Step, ...] = (
    accounts.is_ready,
    accounts.refuse_strangers,
    accounts.register,
    accounts.sign_in,
    accounts.refresh,
    notes.write_note,
    notes.read_back,
    notes.find_by_tag,
    notes.search,
    notes.page_through,
    notes.edit_safely,
    notes.go_back,
    notes.retry_safely,
    notes.refuse_nonsense,
    notes.use_trash,
    ai_tools.explain,
    ai_tools.improve,
    ai_tools.summarize,
    ai_tools.program,
    files.run_code,
    files.export,
    files.export_all,
    files.use_drive,
    ai_tools.see_what_was_used,
    notes.see_progress,
    accounts.use_key,
    accounts.take_everything_along,
    accounts.read_documentation,
    accounts.close_account,
)
