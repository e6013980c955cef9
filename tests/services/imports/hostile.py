"""Files that are made to do harm."""

import io
import sqlite3
import stat
import struct
import tarfile
import warnings
import zipfile
import zlib

import zstandard

from tests.services.imports import samples

MIB = 1024 * 1024
ZEROS = bytes(100 * MIB)
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">'
    '<!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;">]><x>&f;</x>'
)
FILE_ENTITY = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"


def symlink():
    """An archive with a symbolic link to a file of the server."""
    link = zipfile.ZipInfo("passwd.md")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    link.create_system = 3
    return samples.zipped([(link, "/etc/passwd")])


def twice():
    """An archive with two files of one name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return samples.zipped([("a.md", "one"), ("a.md", "two")])


def overlapping():
    """An archive whose many entries are all the same packed bytes, each within its own bounds of size."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    whole = bytes(i * 7 & 0xFF for i in range(MIB)) * 4
    packed = packer.compress(whole) + packer.flush()
    sizes = struct.pack("<LLL", zlib.crc32(whole), len(packed), len(whole))
    local = (
        b"PK\x03\x04"
        + struct.pack("<HHHHH", 20, 0, 8, 0, 33)
        + sizes
        + struct.pack("<HH", 1, 0)
        + b"a"
        + packed
    )
    central = b""
    count = 5000
    for number in range(count):
        name = f"{number}.md".encode()
        head = b"PK\x01\x02" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 33) + sizes
        central += head + struct.pack("<HHHHHLL", len(name), 0, 0, 0, 0, 0, 0) + name
    end = b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, count, count, len(central), len(local), 0)
    return local + central + end


def nested(depth=3):
    """Archives within archives, each with ten copies of the one within."""
    content = samples.zipped({"a.md": bytes(MIB)})
    for _ in range(depth):
        content = samples.zipped({f"{number}.zip": content for number in range(10)})
    return content


def many_files(count):
    """An archive of many empty files."""
    return samples.zipped([(f"{number}.md", "") for number in range(count)])


def locked():
    """An archive whose file claims to be encrypted."""
    content = bytearray(samples.zipped({"a.md": "text"}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def tar_with(kind, name="a.md", target="/etc/passwd"):
    """A TAR archive with an entry of a kind, beside an item of Joplin."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, content in samples.files_of("joplin").items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, target
        archive.addfile(entry)
    return out.getvalue()


def pdf_with(*objects):
    """A PDF file of these objects, the first of which is its root."""
    out = b"%PDF-1.7\n"
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, table)
    return out + trailer


def _page_with(stream):
    return pdf_with(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R "
        b"/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Courier >> >> >> >>",
        stream,
    )


def pdf_flate_bomb():
    """A page whose content unpacks twice to 100 MiB."""
    packed = zlib.compress(zlib.compress(ZEROS))
    head = b"<< /Length %d /Filter [/FlateDecode /FlateDecode] >>" % len(packed)
    return _page_with(head + b"\nstream\n" + packed + b"\nendstream")


def pdf_operator_flood():
    """A page that says a letter ten million times."""
    packed = zlib.compress(b"BT /F1 9 Tf " + b"(a) Tj " * 4_000_000)
    head = b"<< /Length %d /Filter /FlateDecode >>" % len(packed)
    return _page_with(head + b"\nstream\n" + packed + b"\nendstream")


def pdf_page_loop():
    """A tree of pages that is its own branch."""
    return pdf_with(
        b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 99999999 >>"
    )


def pdf_deep():
    """An object nested very deeply."""
    return pdf_with(b"<< /Type /Catalog /Pages 2 0 R /A " + b"[" * 200_000 + b" >>")


def word_with(name, content):
    """A Word document one of whose parts is another."""
    return samples.changed(samples.word(), name, content)


def deep_word():
    """A Word document with tables within tables."""
    cell, end = "<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>"
    body = cell * 50_000 + "<w:p/>" + end * 50_000
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    return word_with(
        "word/document.xml", f'<w:document xmlns:w="{space}"><w:body>{body}</w:body></w:document>'
    )


def wide_word():
    """A Word document of very many paragraphs."""
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = "<w:p><w:r><w:t>word</w:t></w:r></w:p>" * 800_000
    return word_with(
        "word/document.xml", f'<w:document xmlns:w="{space}"><w:body>{body}</w:body></w:document>'
    )


def endless_view():
    """A package whose table of notes is a view without an end."""
    rows = f"{ENDLESS} SELECT i AS id, 1 AS mid, 'x' AS flds, '' AS tags FROM n"
    return samples.apkg(script=f"DROP TABLE notes; CREATE VIEW notes AS {rows}")


def many_cards():
    """A package of more cards than are read."""
    return samples.apkg(
        script="DELETE FROM cards; DELETE FROM notes;"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 60000)"
        "INSERT INTO cards (nid, did, ord) SELECT i, 10, 0 FROM n;"
        "INSERT INTO notes (id, mid, flds, tags) SELECT nid, 1, 'a' || char(31) || 'b', '' FROM cards"
    )


def virtual_table():
    """A package with a table that SQLite would have to call code for."""
    return samples.apkg(script="CREATE VIRTUAL TABLE more USING fts5(a)")


def damaged_collection():
    """A package whose database is overwritten in places."""
    content = bytearray(samples.collection())
    for place in range(100, len(content), 37):
        content[place] ^= 0xFF
    return samples.zipped({"collection.anki2": bytes(content)})


def no_collection():
    """A package that says it has cards and has text."""
    return samples.zipped({"collection.anki2": b"SQLite format 3\0" + b"no database " * 100})


def zstd_bomb():
    """A package of the newer kind that unpacks to 2 GiB."""
    packer = zstandard.ZstdCompressor(level=3).compressobj()
    packed = b"".join(packer.compress(ZEROS) for _ in range(20)) + packer.flush()
    return samples.zipped([samples.stored("collection.anki21b", packed)])


def noise(size):
    """So many MiB that can be packed to a hundredth, and no smaller."""
    return b"".join(bytes([number % 251]) * 100 + str(number).encode() for number in range(size * 10_000))


def big_schema():
    """A package whose schema alone is very long."""
    connection = sqlite3.connect(":memory:")
    columns = ", ".join(f"c{number}" for number in range(1900))
    for number in range(200):
        connection.execute(f"CREATE TABLE t{number} ({columns})")
    return samples.zipped({"collection.anki2": connection.serialize()})
