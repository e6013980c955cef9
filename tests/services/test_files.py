"""Files that the server keeps: whole or not at all, in bounded memory, for a while."""

import hashlib
import itertools
import tracemalloc
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from noteassist import db
from noteassist.errors import FileTooLarge, NotFound, StorageFull
from noteassist.models import FileChunk, StoredFile, Task
from noteassist.models.files import CHUNK_BYTES
from noteassist.services import accounts, files
from noteassist.services.files import FileGone, keep_file, open_file
from noteassist.services.tasks.creation import create

pytestmark = pytest.mark.usefixtures("context")
MIB = 1024 * 1024
HOUR = 3600


@pytest.fixture
def owner(alice):
    """The id of Alice."""
    return alice.user["id"]


@pytest.fixture
def keep(owner):
    """Keep a file of Alice's; gives its id."""

    def keep(*chunks, purpose="export", seconds=HOUR, **options):
        return keep_file(owner, purpose, "a name", "text/plain", chunks, seconds, **options)

    return keep


@pytest.fixture
def task_id(owner):
    """A task of Alice's."""
    with db.transaction():
        return create("export", {}, user_id=owner)


def content_of(owner, file_id, purpose="export"):
    return b"".join(open_file(owner, file_id, purpose)[1])


def count(model):
    return db.rows(select(func.count()).select_from(model))[0][0]


def breaking_after(size):
    """Bytes that break off."""
    yield b"x" * size
    raise OSError("gone")


SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 8 * CHUNK_BYTES, 8 * CHUNK_BYTES + 1, 5 * MIB]


@pytest.mark.parametrize("size", SIZES)
def test_a_file_comes_back_as_it_was(owner, keep, size):
    content = bytes(itertools.islice(itertools.cycle(range(251)), size))
    file_id = keep(content)
    details, pieces = open_file(owner, file_id, "export")
    assert b"".join(pieces) == content
    assert (details.size, details.sha256) == (size, hashlib.sha256(content).digest())
    assert (details.name, details.media_type, details.purpose) == ("a name", "text/plain", "export")


def test_it_does_not_matter_in_which_pieces_it_came(owner, keep):
    pieces = [b"", b"a", b"b" * CHUNK_BYTES, b"", b"c" * (3 * MIB + 7), b"d"]
    assert content_of(owner, keep(*pieces)) == b"".join(pieces)


def test_all_pieces_but_the_last_have_the_same_size(keep):
    keep(b"x" * 100, b"y" * (MIB + 5))
    sizes = [row[0] for row in db.rows(select(func.length(FileChunk.content)).order_by(FileChunk.number))]
    assert sizes == [CHUNK_BYTES] * 4 + [105]


def test_memory_does_not_grow_with_the_file(owner):
    block = b"x" * MIB
    tracemalloc.start()
    try:
        file_id = keep_file(owner, "export", "n", "t", (block for _ in range(40)), HOUR)
        size = sum(len(piece) for piece in open_file(owner, file_id, "export")[1])
        highest = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == 40 * MIB and highest < 16 * MIB


def test_no_transaction_writes_more_than_2_mib(keep, statements):
    keep(b"x" * (7 * MIB))
    inserts = [statement for statement in statements if statement.startswith("INSERT INTO file_chunks")]
    assert len(inserts) == 4


def test_a_file_that_breaks_off_leaves_nothing(owner):
    with pytest.raises(OSError, match="gone"):
        keep_file(owner, "export", "n", "t", breaking_after(5 * MIB), HOUR)
    assert (count(StoredFile), count(FileChunk)) == (0, 0)


def test_a_half_written_file_is_not_there(owner):
    seen = []

    def chunks():
        yield b"x" * (5 * MIB)
        [half] = db.read_rows(select(StoredFile.id, StoredFile.size))
        seen.append(half.size)
        with pytest.raises(NotFound):
            files.get_file(owner, half.id, "export")

    keep_file(owner, "export", "n", "t", chunks(), HOUR)
    assert seen == [4 * MIB]


def test_a_half_written_file_is_not_there_whatever_its_time(owner):
    file_id = files._begin(owner, "export", "n", "t", None)[0]
    with db.transaction():
        db.execute(update(StoredFile).values(expires_at=db.utcnow() + timedelta(hours=1)))
    with pytest.raises(NotFound):
        open_file(owner, file_id, "export")


def test_a_strangers_file_is_not_there(bob, keep):
    file_id = keep(b"secret")
    with pytest.raises(NotFound):
        open_file(bob.user["id"], file_id, "export")


def test_a_file_for_another_purpose_is_not_there(owner, keep):
    file_id = keep(b"an upload", purpose="upload")
    with pytest.raises(NotFound):
        open_file(owner, file_id, "export")
    assert content_of(owner, file_id, "upload") == b"an upload"


def test_a_long_or_broken_name_is_kept_as_far_as_it_goes(owner):
    file_id = keep_file(owner, "export", "生\0" * 300, "t", [b"x"], HOUR)
    assert files.get_file(owner, file_id, "export").name == "生" * 255


def test_a_file_that_is_too_large_is_refused(owner, monkeypatch):
    monkeypatch.setattr(files, "LARGEST_FILE", 3 * MIB)
    with pytest.raises(FileTooLarge):
        keep_file(owner, "export", "n", "t", itertools.repeat(b"x" * MIB), HOUR)
    assert (count(StoredFile), count(FileChunk)) == (0, 0)


def test_a_file_for_which_there_is_no_room_is_refused_and_others_have_room(owner, bob, keep, monkeypatch):
    monkeypatch.setattr(files, "LARGEST_TOTAL", 5 * MIB)
    first = keep(b"x" * 3 * MIB)
    with pytest.raises(StorageFull):
        keep(b"y" * 3 * MIB)
    assert content_of(owner, first) == b"x" * 3 * MIB and count(StoredFile) == 1
    keep(b"z" * MIB)
    keep_file(bob.user["id"], "export", "n", "t", [b"x" * 3 * MIB], HOUR)


def test_a_deleted_file_is_gone_at_once_and_swept(owner, keep):
    file_id, other = keep(b"x" * MIB), keep(b"y")
    with db.transaction():
        files.delete_file(owner, file_id)
        files.delete_file(owner, 987_654)
    with pytest.raises(NotFound):
        open_file(owner, file_id, "export")
    assert files.sweep_files() == 1 and count(FileChunk) == 1
    assert content_of(owner, other) == b"y"


def test_nobody_deletes_a_strangers_file(bob, owner, keep):
    file_id = keep(b"x")
    with db.transaction():
        files.delete_file(bob.user["id"], file_id)
    assert content_of(owner, file_id) == b"x"


def test_an_expired_file_is_gone_and_who_reads_it_may_finish(owner, keep, move_clock):
    file_id = keep(b"x" * MIB, seconds=60)
    _, pieces = open_file(owner, file_id, "export")
    next(pieces)
    move_clock(61)
    with pytest.raises(NotFound):
        open_file(owner, file_id, "export")
    assert files.sweep_files() == 0
    assert len(b"".join(pieces)) == MIB - CHUNK_BYTES
    move_clock(files.GRACE.total_seconds())
    assert files.sweep_files() == 1
    assert (count(StoredFile), count(FileChunk)) == (0, 0)


def test_who_reads_a_file_that_goes_is_told(owner, keep):
    file_id = keep(b"x" * MIB)
    _, pieces = open_file(owner, file_id, "export")
    next(pieces)
    with db.transaction():
        files.delete_file(owner, file_id)
    files.sweep_files()
    with pytest.raises(FileGone):
        next(pieces)


def test_a_half_that_nobody_goes_on_with_is_swept(owner, move_clock):
    file_id = files._begin(owner, "export", "n", "t", None)[0]
    files._append(owner, file_id, 0, [b"x"])
    move_clock(files.GRACE.total_seconds() - 60)
    assert files.sweep_files() == 0
    files._append(owner, file_id, 1, [b"y"])
    move_clock(files.GRACE.total_seconds() - 60)
    assert files.sweep_files() == 0
    move_clock(120)
    assert files.sweep_files() == 1
    with pytest.raises(FileGone):
        files._append(owner, file_id, 2, [b"z"])


def test_a_task_has_one_file_and_a_second_attempt_is_given_it(owner, keep, task_id):
    first = keep(b"first", task_id=task_id)
    assert keep(b"second", task_id=task_id) == first
    assert (content_of(owner, first), count(StoredFile)) == (b"first", 1)


def test_a_second_attempt_replaces_what_the_first_one_left_half_written(owner, keep, task_id):
    half = files._begin(owner, "export", "n", "t", task_id)[0]
    files._append(owner, half, 0, [b"half"])
    whole = keep(b"whole", task_id=task_id)
    assert whole != half and content_of(owner, whole) == b"whole"
    assert files.sweep_files() == 1 and count(StoredFile) == 1


def test_an_attempt_that_comes_back_cannot_write_any_more(owner, keep, task_id):
    half = files._begin(owner, "export", "n", "t", task_id)[0]
    files._append(owner, half, 0, [b"half"])
    whole = keep(b"whole", task_id=task_id)
    with pytest.raises(FileGone):
        files._append(owner, half, 1, [b"rest"])
    with pytest.raises(FileGone):
        files._finish(owner, half, b"0" * 32, timedelta(hours=1), task_id)
    assert content_of(owner, whole) == b"whole"


def test_parallel_attempts_leave_one_whole_file(app, owner, task_id, in_parallel):
    def attempt(letter):
        with app.app_context():
            try:
                keep_file(owner, "export", "n", "t", [letter * MIB] * 6, HOUR, task_id=task_id)
            except FileGone:
                return None
            return letter

    done = in_parallel([lambda letter=letter: attempt(letter) for letter in (b"a", b"b", b"c")])
    finished = [letter for letter in done if letter]
    kept = files.find_file_of_task(owner, task_id)
    if finished:
        assert content_of(owner, kept.id) in [letter * 6 * MIB for letter in (b"a", b"b", b"c")]
    files.sweep_files()
    assert count(StoredFile) == (1 if kept else 0)


def test_a_file_goes_with_its_task_and_with_its_owner(owner, keep, task_id):
    keep(b"x", task_id=task_id)
    keep(b"y")
    with db.transaction():
        db.execute(Task.__table__.delete().where(Task.id == task_id))
    assert count(StoredFile) == 1
    with db.transaction():
        db.execute(text("DELETE FROM users"))
    assert (count(StoredFile), count(FileChunk)) == (0, 0)


def test_the_files_of_a_closed_account_go_and_those_of_an_open_one_stay(owner, keep):
    keep(b"x" * 3 * MIB)
    files.erase_files_of_closed(owner)
    assert count(StoredFile) == 1
    with db.transaction():
        db.execute(text("UPDATE users SET closed_at = created_at"))
    files.erase_files_of_closed(owner)
    assert (count(StoredFile), count(FileChunk)) == (0, 0)
    with db.transaction():
        accounts.erase_closed(owner)


def test_the_database_refuses_a_strangers_pieces_and_a_second_file_of_a_task(bob, owner, keep, task_id):
    file_id = keep(b"x", task_id=task_id)
    foreign = {"owner": bob.user["id"], "file": file_id, "content": b"x"}
    piece = "INSERT INTO file_chunks (user_id, file_id, number, content) VALUES (:owner, :file, 9, :content)"
    with pytest.raises(Exception, match=r"(?i)foreign key"), db.transaction():
        db.execute(text(piece), foreign)
    with pytest.raises(Exception, match=r"(?i)unique"), db.transaction():
        values = {"user_id": owner, "task_id": task_id, "purpose": "export", "name": "n", "media_type": "t"}
        db.execute(StoredFile.__table__.insert().values(**values, expires_at=db.utcnow()))


def test_a_task_that_is_not_there_has_no_file(owner):
    assert files.find_file_of_task(owner, str(uuid.uuid4())) is None
