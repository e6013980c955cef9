"""Having Google forget a consent, by a task: it works although Google is away when the user disconnects."""

from sqlalchemy import delete, select

from noteassist import db
from noteassist.models import DriveRevocation
from noteassist.security import encryption
from noteassist.security.encryption import UnreadableSecret
from noteassist.services.drive import oauth
from noteassist.services.drive.calls import Line
from noteassist.services.drive.connections import REVOCATION
from noteassist.services.drive.trouble import GoogleAway, GoogleError
from noteassist.services.tasks.failures import Fail, TryLater
from noteassist.services.tasks.lifecycle import Claimed
from noteassist.services.tasks.runs import Outcome, TaskRun


def revoke(run: TaskRun) -> Outcome:
    """Revoke one grant; raises TryLater, Fail."""
    revocation_id = run.task.args["revocation_id"]
    wanted = select(DriveRevocation.refresh_token).where(DriveRevocation.id == revocation_id)
    found = next(iter(db.read_rows(wanted)), None)
    if found is None:
        return Outcome()
    try:
        token = encryption.decrypt(run.settings.encryption_keys, found.refresh_token, REVOCATION)
        with Line(run.settings) as line:
            oauth.revoke(run.settings, line, token)
    except UnreadableSecret as error:
        raise Fail("drive_key_lost", "The token to revoke cannot be decrypted.") from error
    except GoogleAway as error:
        raise TryLater(error.code, error.detail, delay=error.pause) from error
    except GoogleError as error:
        raise Fail(error.code, error.detail) from error
    return Outcome(effect=lambda _: forget(revocation_id))


def give_up(task: Claimed, _reason: str) -> None:
    """Delete a token that could not be revoked, in the transaction that says so."""
    forget(task.args["revocation_id"])


def forget(revocation_id: int) -> None:
    """Delete a token, in the open transaction."""
    db.execute(delete(DriveRevocation).where(DriveRevocation.id == revocation_id))
