"""The tables. Listed here so that migrations see them all."""

from noteassist.models.idempotency import IdempotencyKey
from noteassist.models.mail import EmailToken, OutboxMail
from noteassist.models.notes import (
    Chapter,
    CodeSnippet,
    Explanation,
    Note,
    NoteRevision,
    NoteTag,
    Source,
    Topic,
)
from noteassist.models.sessions import RefreshToken, Session
from noteassist.models.users import Profile, User

__all__ = [
    "Chapter",
    "CodeSnippet",
    "EmailToken",
    "Explanation",
    "IdempotencyKey",
    "Note",
    "NoteRevision",
    "NoteTag",
    "OutboxMail",
    "Profile",
    "RefreshToken",
    "Session",
    "Source",
    "Topic",
    "User",
]
