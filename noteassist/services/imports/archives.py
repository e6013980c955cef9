"""Archives that somebody else packed: read in memory, never unpacked to a disk, within limits."""

import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from noteassist.services.imports import limits
from noteassist.services.imports.refusals import too_large, unreadable, unsafe

ZIP_SIGNS = (b"PK\x03\x04", b"PK\x05\x06")
CENTRAL_ENTRY = b"PK\x01\x02"
UTF8_NAME = 0x800
ENCRYPTED = 0x1
# Info-ZIP's field with the name in UTF-8, for archives whose names are in a local encoding (APPNOTE.TXT, 4.6.9).
UNICODE_PATH = 0x7075


@dataclass
class Budget:
    """How much may still be unpacked of one upload, however deep it is nested."""

    files: int = limits.FILES
    text_bytes: int = limits.ALL_TEXT_BYTES

    def take_file(self) -> None:
        """Count one more entry; raises Refused."""
        self.files -= 1
        if self.files < 0:
            raise too_large(f"The archive has more than {limits.FILES:,} files.")

    def take_text(self, size: int) -> None:
        """Count what was unpacked; raises Refused."""
        self.text_bytes -= size
        if self.text_bytes < 0:
            raise too_large("The archive unpacks to more text than is read at once.")


@dataclass
class Archive:
    """The files of an archive by their paths, which are relative, normal and unique."""

    budget: Budget = field(default_factory=Budget)
    entries: dict[str, tuple[zipfile.ZipFile | tarfile.TarFile, Any]] = field(default_factory=dict)

    def names(self, *endings: str) -> list[str]:
        """List the paths, sorted; with `endings` only those that end so, in any case."""
        chosen = [name for name in self.entries if not endings or name.lower().endswith(endings)]
        return sorted(chosen, key=str.casefold)

    def add(self, name: str, opened: zipfile.ZipFile | tarfile.TarFile, entry: Any) -> None:
        """Add a file; raises Refused where there is one of this path."""
        path = "/".join(part for part in name.split("/") if part not in {"", "."})
        if path in self.entries:
            raise unsafe("The archive has the same file twice.")
        self.entries[path] = (opened, entry)

    def read(self, name: str, largest: int = limits.TEXT_BYTES, *, is_text: bool = True) -> bytes | None:
        """Unpack one file; None where it is larger than `largest` bytes. Raises Refused."""
        try:
            content = _content(*self.entries[name], largest)
        except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError) as error:
            raise unreadable(f"The archive is damaged: “{name[-80:]}” cannot be unpacked.") from error
        except (NotImplementedError, ValueError) as error:
            raise unreadable("The archive is packed in a way that is not read.") from error
        if len(content) > largest:
            return None
        if is_text:
            self.budget.take_text(len(content))
        return content


def _content(opened: zipfile.ZipFile | tarfile.TarFile, entry: Any, largest: int) -> bytes:
    if isinstance(opened, tarfile.TarFile):
        found = opened.extractfile(entry)
        return b"" if found is None else found.read(largest + 1)
    if entry.flag_bits & ENCRYPTED:
        raise unreadable("The archive is protected by a password.")
    with opened.open(entry) as packed:
        return packed.read(largest + 1)


def is_zip(content: bytes) -> bool:
    """Say whether this is a ZIP archive."""
    return content.startswith(ZIP_SIGNS)


def is_tar(content: bytes) -> bool:
    """Say whether this is a TAR archive (POSIX or GNU)."""
    return content[257:262] == b"ustar"


def open_zip(content: bytes, budget: Budget | None = None) -> Archive:
    """Open a ZIP archive after looking at all that it claims; raises Refused."""
    # Counted before Python makes an object of each.
    if content.count(CENTRAL_ENTRY) > 2 * limits.FILES:
        raise too_large(f"The archive has more than {limits.FILES:,} files.")
    try:
        opened = zipfile.ZipFile(BytesIO(content))
    except (zipfile.BadZipFile, struct.error, ValueError, OverflowError, NotImplementedError) as error:
        raise unreadable("The ZIP archive is damaged or cut off.") from error
    archive = Archive(budget or Budget())
    unpacked = 0
    for entry in opened.infolist():
        archive.budget.take_file()
        name = _zip_name(entry)
        _check_path(name)
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise unsafe("The archive has symbolic links; pack the files themselves.")
        unpacked += entry.file_size
        if entry.file_size > max(limits.SMALLEST_SUSPECT, entry.compress_size * limits.PACKING_RATIO):
            raise unsafe("The archive has a file that unpacks to more than 200 times its size.")
        if not entry.is_dir():
            archive.add(name, opened, entry)
    if unpacked > limits.UNPACKED_BYTES:
        raise unsafe("The archive unpacks to more than 512 MiB.")
    return archive


def open_tar(content: bytes) -> Archive:
    """Open a TAR archive that is not compressed; raises Refused."""
    try:
        opened = tarfile.TarFile(fileobj=BytesIO(content), errorlevel=1)
        archive = Archive()
        for entry in _tar_entries(opened):
            archive.budget.take_file()
            _check_path(entry.name)
            if not (entry.isfile() or entry.isdir()):
                raise unsafe("The archive has links or devices; pack the files themselves.")
            if entry.isfile():
                archive.add(entry.name, opened, entry)
    except (tarfile.TarError, ValueError, OverflowError, EOFError, OSError) as error:
        raise unreadable("The archive is damaged or cut off.") from error
    return archive


def _tar_entries(opened: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (entry := opened.next()) is not None:
        if entry.sparse is not None:
            raise unsafe("The archive has files with holes.")
        yield entry


def _check_path(name: str) -> None:
    """Refuse a name that would lead out of the folder that it is unpacked to."""
    path = name.replace("\\", "/")
    is_absolute = path.startswith("/") or path[1:3] == ":/"
    if is_absolute or ".." in path.split("/") or "\0" in path:
        raise unsafe("The archive has a path that leads out of it.")


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """Give an entry's name as its packer meant it, with slashes."""
    name = entry.filename
    if not entry.flag_bits & UTF8_NAME:
        raw = name.encode("cp437", "replace")
        unicode_name = _unicode_path(entry.extra, raw)
        try:
            # Some packers write UTF-8 without saying so.
            name = unicode_name or raw.decode("utf-8")
        except UnicodeDecodeError:
            name = entry.filename
    return name.replace("\\", "/") if entry.create_system == 0 else name


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        value = extra[4 : 4 + size]
        extra = extra[4 + size :]
        if kind == UNICODE_PATH and len(value) > 5:
            (checksum,) = struct.unpack("<L", value[1:5])
            if checksum == zlib.crc32(raw):
                return value[5:].decode("utf-8", "replace")
    return None
