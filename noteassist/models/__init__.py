"""The tables. Listed here so that migrations see them all."""

from noteassist.models.administration import AiCallDay, AiUsageDay, AuditEntry, ConsoleSession
from noteassist.models.ai import AiCall, AiGate, AiOutput, AiUsage
from noteassist.models.credentials import ApiKey, GoogleIdentity, RecoveryCode, TwoFactor
from noteassist.models.dashboard import DashboardCache, StudyDay
from noteassist.models.drive import DriveConnection, DriveConsent, DriveRevocation, DriveUpload
from noteassist.models.files import FileChunk, StoredFile
from noteassist.models.front import FrontState
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
from noteassist.models.search import SearchEntry
from noteassist.models.sessions import RefreshToken, Session
from noteassist.models.tasks import Notification, Task, TaskEvent
from noteassist.models.users import Profile, User

__all__ = [
    "AiCall",
    "AiCallDay",
    "AiGate",
    "AiOutput",
    "AiUsage",
    "AiUsageDay",
    "ApiKey",
    "AuditEntry",
    "Chapter",
    "CodeSnippet",
    "ConsoleSession",
    "DashboardCache",
    "DriveConnection",
    "DriveConsent",
    "DriveRevocation",
    "DriveUpload",
    "EmailToken",
    "Explanation",
    "FileChunk",
    "FrontState",
    "GoogleIdentity",
    "IdempotencyKey",
    "Note",
    "NoteRevision",
    "NoteTag",
    "Notification",
    "OutboxMail",
    "Profile",
    "RecoveryCode",
    "RefreshToken",
    "SearchEntry",
    "Session",
    "Source",
    "StoredFile",
    "StudyDay",
    "Task",
    "TaskEvent",
    "Topic",
    "TwoFactor",
    "User",
]
