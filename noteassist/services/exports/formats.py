"""The formats of exports, and the files they make."""

import contextlib
import io
import zipfile
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, BinaryIO

import orjson

from noteassist.errors import AppError, ServerBusy
from noteassist.services.exports.anki import plain_cards, write_collection
from noteassist.services.exports.asking import rendered
from noteassist.services.exports.names import UniqueNames, file_name
from noteassist.services.exports.own_json import write_json, write_json_of_many
from noteassist.services.exports.own_markdown import write_markdown
from noteassist.services.exports.times import read_time

Detail = Mapping[str, Any]
Progress = Callable[[int], None]
WriteOne = Callable[[Detail], bytes]
WriteMany = Callable[[Iterator[Detail], BinaryIO, Progress], None]

ZIP = "application/zip"
# So many notes are rendered at once, each in a child of its own.
AT_ONCE = 2
FIRST_ZIP_YEAR = 1980
# Formats that are compressed already.
PACKED = {"pdf", "docx"}


@dataclass(frozen=True)
class File:
    """A file to download."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Format:
    """A format of exports."""

    media_type: str
    ending: str
    write: WriteOne
    media_type_of_many: str
    ending_of_many: str
    write_many: WriteMany


def export_note(detail: Detail, format_name: str) -> File:
    """Make the file of one note; raises Unprocessable, ServerBusy, AppError as `asking.rendered` does."""
    wanted = FORMATS[format_name]
    return File(file_name(detail["title"], wanted.ending), wanted.media_type, wanted.write(detail))


def export_text(
    title: str, text: str, format_name: str, *, language: str = "en", changed_at: datetime | None = None
) -> File:
    """Make the file of one Markdown text in `html`, `pdf` or `docx`; raises what `export_note` raises."""
    wanted = FORMATS[format_name]
    moment = changed_at or datetime.now(UTC)
    request = {"title": title, "text": text, "language": language, "changed_at": moment}
    content = rendered({"format": format_name, **request})
    return File(file_name(title, wanted.ending), wanted.media_type, content)


def export_many(details: Iterator[Detail], format_name: str, out: BinaryIO, progress: Progress) -> None:
    """Write the file of many notes, and tell after each how many there are.

    One file in `json` and `apkg`, otherwise a zip. Only a few notes are in memory at once. A note that cannot be
    rendered is there as Markdown, or on its cards as it was typed, so that nothing is missing. What `details`, `out`
    and `progress` raise ends it; then what is in `out` is of no use.
    """
    FORMATS[format_name].write_many(details, out, progress)


def name_of_many(format_name: str, moment: datetime) -> str:
    """Name the file of many notes."""
    return f"noteassist-{moment:%Y-%m-%d}.{FORMATS[format_name].ending_of_many}"


def _rendered_note(format_name: str, detail: Detail) -> bytes:
    return rendered({"format": format_name, "note": detail})


def _markdown(detail: Detail) -> bytes:
    return write_markdown(detail).encode()


def _cards(detail: Detail) -> bytes:
    return _rendered_note("cards", detail)


def _collection(detail: Detail) -> bytes:
    out = io.BytesIO()
    write_collection(iter([(detail, orjson.loads(_cards(detail)))]), out, lambda _: None)
    return out.getvalue()


def _collection_of_many(details: Iterator[Detail], out: BinaryIO, progress: Progress) -> None:
    written = _in_order(_cards, AT_ONCE, details)
    with contextlib.closing(written):
        notes = (
            (detail, plain_cards(detail) if cards is None else orjson.loads(cards))
            for detail, cards in written
        )
        write_collection(notes, out, progress)


def _zip_of_many(
    write: WriteOne,
    ending: str,
    at_once: int,
    details: Iterator[Detail],
    out: BinaryIO,
    progress: Progress,
) -> None:
    names = UniqueNames()
    method = zipfile.ZIP_STORED if ending in PACKED else zipfile.ZIP_DEFLATED
    written = _in_order(write, at_once, details)
    with contextlib.closing(written), zipfile.ZipFile(out, "w", method) as archive:
        for number, (detail, content) in enumerate(written, 1):
            shown = "md" if content is None else ending
            name = names.unique(file_name(detail["title"], shown))
            entry = zipfile.ZipInfo(name, _zip_time(detail))
            entry.compress_type = method
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, _markdown(detail) if content is None else content)
            progress(number)


def _in_order(
    write: WriteOne, at_once: int, details: Iterator[Detail]
) -> Generator[tuple[Detail, bytes | None]]:
    """Write a few notes at once, and give them in their order; None for what cannot be written."""
    waiting: deque[tuple[Detail, Future[bytes | None]]] = deque()
    with ThreadPoolExecutor(at_once, "export") as threads:
        try:
            for detail in details:
                waiting.append((detail, threads.submit(_written, write, detail)))
                if len(waiting) > at_once:
                    first, content = waiting.popleft()
                    yield first, content.result()
            while waiting:
                first, content = waiting.popleft()
                yield first, content.result()
        finally:
            threads.shutdown(wait=True, cancel_futures=True)


def _written(write: WriteOne, detail: Detail) -> bytes | None:
    try:
        return write(detail)
    except ServerBusy:
        raise
    except AppError:
        return None


def _zip_time(detail: Detail) -> tuple[int, int, int, int, int, int]:
    moment = read_time(detail.get("updated_at"))
    if moment is None or moment.year < FIRST_ZIP_YEAR:
        return (FIRST_ZIP_YEAR, 1, 1, 0, 0, 0)
    return (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)


def _zipped(media_type: str, ending: str, write: WriteOne, at_once: int) -> Format:
    return Format(media_type, ending, write, ZIP, "zip", partial(_zip_of_many, write, ending, at_once))


WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
JSON = "application/json"
ANKI = "application/octet-stream"
FORMATS: Mapping[str, Format] = {
    "md": _zipped("text/markdown; charset=utf-8", "md", _markdown, 1),
    "html": _zipped("text/html; charset=utf-8", "html", partial(_rendered_note, "html"), AT_ONCE),
    "pdf": _zipped("application/pdf", "pdf", partial(_rendered_note, "pdf"), AT_ONCE),
    "docx": _zipped(WORD, "docx", partial(_rendered_note, "docx"), AT_ONCE),
    "json": Format(JSON, "json", write_json, JSON, "json", write_json_of_many),
    "apkg": Format(ANKI, "apkg", _collection, ANKI, "apkg", _collection_of_many),
}
