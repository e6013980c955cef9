"""Just enough of Protocol Buffers to read names out of newer Anki files (protobuf.dev, encoding)."""

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Give the fields of a message in order, as (number, whole number or bytes); ends where it is damaged."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, place = _varint(message, place)
            yield number, value
        elif kind == BYTES:
            size, place = _varint(message, place)
            yield number, message[place : place + size]
            place += size
        elif kind in {FIXED64, FIXED32}:
            place += 8 if kind == FIXED64 else 4
        else:
            return


def text_field(message: bytes, wanted: int) -> str:
    """Give a field of text, empty where it is missing."""
    for number, value in fields(message):
        if number == wanted and isinstance(value, bytes):
            return value.decode("utf-8", "replace")
    return ""


def number_field(message: bytes, wanted: int) -> int:
    """Give a field that is a whole number, 0 where it is missing."""
    return next(
        (value for number, value in fields(message) if number == wanted and isinstance(value, int)), 0
    )


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message) and shift < 64:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if not byte & 0x80:
            break
    return value, place
