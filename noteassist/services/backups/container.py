"""The file of a backup: lines of JSON, compressed, between a mark and a checksum.

The mark and the checksum are frames that zstd skips (RFC 8878, section 3.1.2), so `zstd -dc FILE` shows the lines.
The checksum is over every byte before it: a file that was cut, or of which a bit has changed, is found out before
anything of it is used.
"""

import hashlib
import io
import os
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson
import zstandard

from noteassist.services.backups.columns import encoded

SKIPPED = struct.Struct("<II")
SKIPPED_FRAME = 0x184D2A50
NAME = b"noteassist backup "
FORMAT = b"1"
DIGEST_BYTES = 32
BLOCK = 1024 * 1024
LEVEL = 3


def _skipped(content: bytes) -> bytes:
    return SKIPPED.pack(SKIPPED_FRAME, len(content)) + content


MARK = _skipped(NAME + FORMAT)
ENDING = SKIPPED.pack(SKIPPED_FRAME, DIGEST_BYTES)


class UnusableBackup(Exception):
    """A file that nothing can be restored from; the message is for people."""


class Writer:
    """Writes lines into a file, and at last the checksum."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.digest = hashlib.sha256()
        self.write(MARK)
        compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
        self.stream = compressor.stream_writer(self, closefd=False)  # type: ignore[arg-type]  # it only calls write()

    def write(self, data: bytes) -> int:
        """Take what has been compressed."""
        self.digest.update(data)
        self.file.write(data)
        return len(data)

    def line(self, value: Any) -> None:
        """Write a line."""
        self.stream.write(orjson.dumps(value, default=encoded, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        """Write the end; the file itself stays open."""
        self.stream.close()  # type: ignore[no-untyped-call]  # its stub says nothing
        self.file.write(ENDING + self.digest.digest())


def require_whole(file: BinaryIO) -> None:
    """Read a file from end to end; raises UnusableBackup unless it is a backup just as it was written."""
    file.seek(0)
    found = file.read(len(MARK))
    if found != MARK:
        if found[SKIPPED.size :].startswith(NAME):
            raise UnusableBackup("It was made by a newer release of NoteAssist, which this one cannot read.")
        raise UnusableBackup("It is no backup of NoteAssist, or its beginning is damaged.")
    left = file.seek(0, os.SEEK_END) - len(MARK) - len(ENDING) - DIGEST_BYTES
    file.seek(len(MARK))
    digest = hashlib.sha256(MARK)
    while left > 0 and (block := file.read(min(left, BLOCK))):
        digest.update(block)
        left -= len(block)
    if left or file.read() != ENDING + digest.digest():
        raise UnusableBackup("It is damaged or incomplete: its checksum is not that of its content.")


def read_lines(file: BinaryIO) -> Iterator[Any]:
    """Read the lines of a file that is whole."""
    file.seek(len(MARK))
    stream = zstandard.ZstdDecompressor().stream_reader(file, closefd=False)
    for line in io.BufferedReader(stream, BLOCK):
        yield orjson.loads(line)
