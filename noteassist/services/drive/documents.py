"""What is uploaded: the bytes of a note or an output in a format.

The same note makes the same bytes, so that an attempt can go on where another one was cut off.
"""

from noteassist.errors import AppError, NotFound, ServerBusy, Unprocessable
from noteassist.security.actors import Actor
from noteassist.services import note_trees
from noteassist.services.ai.downloads import FORMS, make_file
from noteassist.services.ai.outputs import get_output
from noteassist.services.exports.formats import FORMATS, File, export_note
from noteassist.services.tasks.failures import Fail, TryLater
from noteassist.services.tasks.lifecycle import Claimed

NOTE_FORMATS = tuple(FORMATS)
OUTPUT_FORMATS = tuple(FORMS)
BUSY_SECONDS = 5.0


def make(task: Claimed) -> File:
    """Make the file that a task is to upload, outside of any transaction.

    Raises Fail where what it is about is gone or cannot be had in this format, TryLater.
    """
    try:
        return _note(task) if task.args["source"] == "note" else _output(task)
    except NotFound as error:
        raise Fail("source_gone", "What was to be uploaded has been deleted.") from error
    except Unprocessable as error:
        raise Fail(error.code, error.detail) from error
    except ServerBusy as error:
        raise TryLater(error.code, error.detail, delay=BUSY_SECONDS, counts=False) from error
    except AppError as error:
        raise TryLater(error.code, error.detail) from error


def _note(task: Claimed) -> File:
    detail = note_trees.read_tree(task.user_id or 0, task.args["source_id"])
    if detail is None:
        raise NotFound
    return export_note(detail, task.args["format"])


def _output(task: Claimed) -> File:
    owner = Actor(task.user_id or 0, 0, "user", "FREE", is_email_verified=False, data_version=0)
    return make_file(get_output(owner, task.args["source_id"]), task.args["format"])
