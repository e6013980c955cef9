"""The versions of a user's data: every write begins here."""

from sqlalchemy import bindparam, update

from noteassist import db
from noteassist.freshness import will_change
from noteassist.models import User

_own = update(User).where(User.id == bindparam("owner")).returning(User.data_version)
_GROWS = {"data_version": User.data_version + 1}
_CHANGE = db.Prepared(_own.values(notes_version=User.notes_version + 1, **_GROWS))
_ACTIVITY = db.Prepared(_own.values(**_GROWS))


def begin_write(user_id: int) -> None:
    """Raise the versions of a user's data, which also lets one write of that user at a time go on."""
    db.rows(_CHANGE, {"owner": user_id})
    will_change(user_id)


def begin_activity(user_id: int) -> None:
    """Do the same for what no kept answer shows: tasks, outputs that are not saved to a note, notifications."""
    db.rows(_ACTIVITY, {"owner": user_id})
