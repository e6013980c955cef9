"""The files that processes count into, so that whoever is asked can add them up.

Each `noteassist serve` and `noteassist worker` has a folder of its own in INSTANCE_DIR/metrics, locked as long as it
lives; what nobody holds any more is removed by whoever starts next. This module does not import the library: it
decides on its way of counting when it is imported, which has to be after a folder is named.
"""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
LOCK = "lock"


def claim_folder(base: Path, role: str) -> Path | None:
    """Make a folder for the processes that this one begins, and remove those of the dead; held until this one ends.

    None where nothing can be written: then each process counts for itself.
    """
    try:
        return _claimed(base, role)
    except OSError:
        return None


def _claimed(base: Path, role: str) -> Path:
    base.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    base.mkdir(mode=0o700, exist_ok=True)
    for folder in base.iterdir():
        if not _is_held(folder):
            shutil.rmtree(folder, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=f"{role}-", dir=base))
    lock = os.open(made / f"{LOCK}.new", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # Nobody finds it before it is held.
    (made / f"{LOCK}.new").rename(made / LOCK)
    return made


def _is_held(folder: Path) -> bool:
    try:
        lock = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        # Of something else, or being made at this moment.
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def files_of_all(base: Path) -> list[str]:
    """List the files of all processes, without those that are being made and have nothing in them yet."""
    return sorted(str(path) for path in base.glob("*/*.db") if _size_of(path))


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        # The folder of one who has ended was removed at this moment.
        return 0
