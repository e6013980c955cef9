"""The version of a user's data: every write begins here."""

from sqlalchemy import bindparam, update

from noteassist import db
from noteassist.models import User

_BUMP = db.Prepared(
    update(User)
    .where(User.id == bindparam("owner"))
    .values(data_version=User.data_version + 1)
    .returning(User.data_version)
)


def begin_write(user_id: int) -> None:
    """Raise the version of a user's data, which also lets one write of that user at a time go on."""
    db.rows(_BUMP, {"owner": user_id})
