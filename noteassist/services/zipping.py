"""ZIP files that are sent while they are written: neither memory nor a disk holds the whole."""

import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime

Entry = tuple[str, Iterable[bytes]]
READABLE = 0o644 << 16


class _Sink:
    """Where the archive is written to; what has come is taken away piece by piece."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, piece: bytes, /) -> int:
        """Take what is written."""
        self.pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is open."""

    def taken(self) -> Iterator[bytes]:
        """Give what has come since the last time, as one piece."""
        if self.pieces:
            whole = b"".join(self.pieces)
            self.pieces.clear()
            yield whole


def zip_stream(entries: Iterable[Entry], made_at: datetime) -> Iterator[bytes]:
    """Give the bytes of a ZIP file of entries, each a name and its content in pieces."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, pieces in entries:
            about = zipfile.ZipInfo(name, made_at.timetuple()[:6])
            about.compress_type = zipfile.ZIP_DEFLATED
            about.external_attr = READABLE
            with archive.open(about, "w", force_zip64=True) as entry:
                for piece in pieces:
                    entry.write(piece)
                    yield from sink.taken()
            yield from sink.taken()
    yield from sink.taken()
