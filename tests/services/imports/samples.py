"""Files that people have, made as their programs make them."""

import io
import json
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import docx
import typst
import zstandard
from docx.enum.style import WD_STYLE_TYPE

DATA = Path(__file__).parents[2] / "data" / "imports"


def files_of(folder):
    """The files below a folder of the samples, as {path: bytes}."""
    root = DATA / folder
    return {
        str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()
    }


def zipped(files, **options):
    """A ZIP archive of {path or ZipInfo: bytes or text}, or of pairs of them."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in files.items() if isinstance(files, dict) else files:
            archive.writestr(name, content)
    return out.getvalue()


def tarred(files):
    """A TAR archive of {path: bytes} and TarInfo objects without content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def vault():
    """A vault of Obsidian, packed with its folder."""
    return zipped({f"My vault/{name}": content for name, content in files_of("vault").items()})


def notion():
    """An export of Notion, whose parts are packed within it."""
    part = zipped(files_of("notion"))
    return zipped({"Export-6e0c1a7b-Part-1.zip": part})


def jex():
    """An export of Joplin as one file."""
    return tarred(files_of("joplin"))


MODELS = {
    "1": {
        "name": "Basic (and reversed)",
        "type": 0,
        "flds": [{"name": "Front", "ord": 0}, {"name": "Back", "ord": 1}],
        "tmpls": [
            {"ord": 0, "qfmt": "{{Front}}", "afmt": "{{FrontSide}}<hr id=answer>{{Back}}"},
            {"ord": 1, "qfmt": "{{#Back}}{{Back}}{{/Back}}", "afmt": "{{Back}}<hr id=answer>{{Front}}"},
        ],
    },
    "2": {
        "name": "Cloze",
        "type": 1,
        "flds": [{"name": "Text", "ord": 0}, {"name": "Extra", "ord": 1}],
        "tmpls": [{"ord": 0, "qfmt": "{{cloze:Text}}", "afmt": "{{cloze:Text}}<br>{{Extra}}"}],
    },
}
DECKS = {"1": {"name": "Default"}, "10": {"name": "Biology"}, "11": {"name": "Biology::Cells"}}
NOTES = [
    (
        100,
        1,
        "What is <b>ATP</b>?\x1fThe <i>currency</i> of energy \\(E_1\\)<pre>a = 1</pre>",
        " exam cell::energy ",
    ),
    (101, 2, "{{c1::Ribosomes}} make {{c2::proteins::what?}}[sound:r.mp3]\x1fmany", ""),
    (102, 1, "One\x1fTwo", ""),
]
CARDS = [(100, 11, 0), (101, 11, 0), (101, 11, 1), (102, 10, 0), (102, 10, 1)]


def collection(schema=11, script=""):
    """The database of a package, of the older or the newer schema; `script` is SQL to do harm with."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, mid INTEGER, flds TEXT, tags TEXT);"
        "CREATE TABLE cards (id INTEGER PRIMARY KEY, nid INTEGER, did INTEGER, ord INTEGER);"
    )
    connection.executemany("INSERT INTO notes (id, mid, flds, tags) VALUES (?, ?, ?, ?)", NOTES)
    connection.executemany("INSERT INTO cards (nid, did, ord) VALUES (?, ?, ?)", CARDS)
    if schema == 11:
        connection.execute("CREATE TABLE col (id INTEGER PRIMARY KEY, models TEXT, decks TEXT)")
        connection.execute("INSERT INTO col VALUES (1, ?, ?)", (json.dumps(MODELS), json.dumps(DECKS)))
    else:
        _new_tables(connection)
    connection.executescript(script)
    connection.commit()
    return connection.serialize()


def _new_tables(connection):
    connection.create_collation("unicase", lambda one, other: (one > other) - (one < other))
    connection.executescript(
        "CREATE TABLE decks (id INTEGER PRIMARY KEY, name TEXT COLLATE unicase, common BLOB);"
        "CREATE TABLE notetypes (id INTEGER PRIMARY KEY, name TEXT COLLATE unicase, config BLOB);"
        "CREATE TABLE fields (ntid INTEGER, ord INTEGER, name TEXT COLLATE unicase, config BLOB,"
        " PRIMARY KEY (ntid, ord)) WITHOUT ROWID;"
        "CREATE TABLE templates (ntid INTEGER, ord INTEGER, name TEXT COLLATE unicase, config BLOB,"
        " PRIMARY KEY (ntid, ord)) WITHOUT ROWID;"
    )
    for deck_id, deck in DECKS.items():
        row = (int(deck_id), deck["name"].replace("::", "\x1f"), b"")
        connection.execute("INSERT INTO decks VALUES (?, ?, ?)", row)
    for type_id, model in MODELS.items():
        config = b"\x08\x01" if model["type"] else b""
        connection.execute("INSERT INTO notetypes VALUES (?, ?, ?)", (int(type_id), model["name"], config))
        for field in model["flds"]:
            row = (int(type_id), field["ord"], field["name"], b"")
            connection.execute("INSERT INTO fields VALUES (?, ?, ?, ?)", row)
        for template in model["tmpls"]:
            config = message_field(1, template["qfmt"]) + message_field(2, template["afmt"])
            row = (int(type_id), template["ord"], "Card", config)
            connection.execute("INSERT INTO templates VALUES (?, ?, ?, ?)", row)


def message_field(number, text):
    """A field of text in Protocol Buffers."""
    content = text.encode()
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def apkg(schema=11, script=""):
    """A package of Anki, as it has been for years or as it is with `schema=18`."""
    if schema == 11:
        media = json.dumps({"0": "r.mp3"})
        return zipped({"collection.anki2": collection(script=script), "media": media, "0": b"ID3"})
    entry = message_field(1, "r.mp3")
    media = bytes([1 << 3 | 2, len(entry)]) + entry
    packed = zstandard.compress
    files = {
        "meta": b"\x08\x03",
        "collection.anki21b": packed(collection(18, script)),
        "collection.anki2": collection(11, "UPDATE notes SET flds = 'Please update\x1f'"),
        "media": packed(media),
        "0": packed(b"ID3"),
    }
    return zipped(files)


def pdf(text=None, **inputs):
    """A PDF file; by default one with an outline, two columns of headings, a list and code."""
    source = text or (DATA / "lecture.typ").read_text()
    return typst.compile(source.encode(), sys_inputs=inputs)


def word():
    """A Word document with headings, lists, a table, code, a link and a formula."""
    document = docx.Document()
    document.core_properties.keywords = "networks, exam"
    document.add_paragraph("Computer Networks", style="Title")
    document.add_paragraph("What connects machines.")
    document.add_heading("Layers", 1)
    paragraph = document.add_paragraph("There are ")
    paragraph.add_run("seven").bold = True
    paragraph.add_run(" layers, with * and _.")
    document.add_heading("Transport", 2)
    document.add_paragraph("TCP", style="List Bullet")
    document.add_paragraph("UDP", style="List Bullet")
    document.add_paragraph("first", style="List Number")
    document.add_paragraph("second", style="List Number")
    table = document.add_table(2, 2)
    for cell, text in zip(
        (c for row in table.rows for c in row.cells), ("port", "use", "80", "a|b"), strict=True
    ):
        cell.text = text
    document.add_heading("Programs", 1)
    document.styles.add_style("Source Code", WD_STYLE_TYPE.PARAGRAPH)
    for line in ("import socket", "    pass"):
        document.add_paragraph(line, style="Source Code")
    _add_link(document.add_paragraph("See "), "https://example.org/rfc", "the RFC")
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _add_link(paragraph, url, words):
    relation = paragraph.part.relate_to(
        url, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink", is_external=True
    )
    link = docx.oxml.OxmlElement("w:hyperlink")
    link.set(docx.oxml.ns.qn("r:id"), relation)
    run = docx.oxml.OxmlElement("w:r")
    run.text = words
    link.append(run)
    paragraph._p.append(link)


def stored(name, content):
    """A file for an archive that is not compressed."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_STORED
    return entry, content


def changed(archive, name, content):
    """An archive in which one file has other content."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        files = {entry: opened.read(entry) for entry in opened.namelist()}
    return zipped(files | {name: content})


def changed_with(archive, addition):
    """An archive with one more file, a pair of entry and content."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        files = [(entry, opened.read(entry)) for entry in opened.namelist()]
    return zipped([*files, addition])


def multipart(content, name="notes.md", field="file"):
    """A multipart body with one file, as the options of a request."""
    shown = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    head = f'--xyz\r\nContent-Disposition: form-data; name="{field}"; filename="{shown}"\r\n\r\n'
    body = head.encode() + content + b"\r\n--xyz--\r\n"
    return {"data": body, "content_type": "multipart/form-data; boundary=xyz"}
