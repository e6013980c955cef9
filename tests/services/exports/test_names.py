"""Names of files are safe whatever the title."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noteassist.services.exports.names import UniqueNames, file_name

HOSTILE = {
    "../../etc/passwd": "etc-passwd.md",
    "/etc/passwd": "etc-passwd.md",
    "C:\\windows\\system32": "C-windows-system32.md",
    'a"; filename=evil.exe': "a-filename-evil.exe.md",
    "a\r\nSet-Cookie: x": "a-Set-Cookie-x.md",
    "cells\u202efdp.exe": "cells-fdp.exe.md",
    "CON": "note-CON.md",
    "nul.txt": "note-nul.txt.md",
    "com1": "note-com1.md",
    "...": "note.md",
    "": "note.md",
    " \t ": "note.md",
    "🙂": "note.md",
    "a..b": "a.b.md",
    "~root": "root.md",
    "-rf": "rf.md",
    "Zoë 生物学 العربية हिन्दी": "Zoë-生物学-العربية-हिन्दी.md",
}


@pytest.mark.parametrize("title, name", HOSTILE.items())
def test_a_title_becomes_a_safe_name(title, name):
    assert file_name(title, "md") == name


@given(st.text(max_size=400), st.sampled_from(["md", "docx", "html"]))
def test_a_name_is_always_safe(title, ending):
    name = file_name(title, ending)
    assert name.endswith(f".{ending}") and 0 < len(name) <= 120 and len(name.encode()) <= 240
    assert not set(name) & set("/\\:*?\"'<>|;%\r\n") and ".." not in name and name[0] not in ".-_~ "
    assert {unicodedata.category(letter)[0] for letter in name} <= {"L", "M", "N", "P"}
    assert file_name(title, ending) == name


def test_long_titles_keep_whole_letters():
    assert file_name("生" * 500, "docx") == "生" * 78 + ".docx"
    assert file_name("a" * 500, "md") == "a" * 117 + ".md"


def test_no_name_is_given_twice_in_any_case():
    names = UniqueNames()
    given_names = [names.unique(name) for name in ("a.md", "A.md", "a.md", "a-2.md", "b.md", "a.md")]
    assert given_names == ["a.md", "A-2.md", "a-3.md", "a-2-2.md", "b.md", "a-4.md"]
    assert len({name.casefold() for name in given_names}) == 6


def test_a_thousand_equal_titles_have_names():
    names = UniqueNames()
    assert len({names.unique("note.md") for _ in range(1000)}) == 1000
