"""Large JSON travels compressed where the client offers it."""

import gzip

import brotli
import pytest
import zstandard

from . import expect

DECODE = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


@pytest.fixture
def large(patched, topic, path):
    """The address of a note of well over 1 KiB."""
    patched(
        f"/api/topics/{topic['id']}/", explanation={"content": "The cell is the unit of life. é🙂 " * 200}
    )
    return path


def read(client, path, accept):
    """GET with this Accept-Encoding."""
    return client.get(path, headers={"Accept-Encoding": accept})


@pytest.mark.parametrize("encoding", DECODE)
def test_a_large_answer_is_compressed_as_asked(alice, large, encoding):
    response = read(alice, large, encoding)
    assert response.headers["Content-Encoding"] == encoding
    plain = read(alice, large, "identity").get_data()
    assert DECODE[encoding](response.get_data()) == plain
    assert int(response.headers["Content-Length"]) == len(response.get_data()) < len(plain) / 2


@pytest.mark.parametrize("encoding", DECODE)
def test_a_large_list_is_compressed_too(alice, make_note, encoding):
    for number in range(20):
        make_note(f"Note {number} " + "x" * 100)
    response = read(alice, "/api/notes/", encoding)
    assert response.headers["Content-Encoding"] == encoding
    assert DECODE[encoding](response.get_data()) == read(alice, "/api/notes/", "identity").get_data()


def test_the_answer_to_a_write_is_compressed_too(alice, note_tree):
    body = note_tree(chapters=5, topics=5)
    response = alice.post("/api/notes/", json=body, headers={"Accept-Encoding": "gzip"})
    assert (response.status_code, response.headers["Content-Encoding"]) == (201, "gzip")
    assert b'"chapters"' in gzip.decompress(response.get_data())


@pytest.mark.parametrize(
    "accept, expected",
    [
        ("gzip;q=0.5, br;q=1.0", {"br"}),
        ("br;q=0.1, gzip;q=0.9, zstd;q=0.2", {"gzip"}),
        ("zstd;q=1, gzip;q=0.999", {"zstd"}),
        ("gzip;q=0, br", {"br"}),
        ("br;q=0, zstd;q=0, gzip;q=0.001", {"gzip"}),
        ("gzip, br, zstd", {"gzip", "br", "zstd"}),
        ("GZIP", {"gzip"}),
        ("deflate, gzip", {"gzip"}),
        ("*", {"gzip", "br", "zstd", None}),
        ("*;q=0.5, gzip;q=0, br;q=0", {"zstd", None}),
        ("identity;q=0, gzip;q=0.1", {"gzip"}),
        ("identity;q=1, gzip;q=0", {None}),
        ("gzip;q=0", {None}),
        ("gzip;q=0.0, br;q=0.000", {None}),
        ("gzip; q=0", {None}),
        ("identity", {None}),
        ("", {None}),
        ("deflate", {None}),
        ("compress, x-unknown", {None}),
        ("gzipped", {None}),
    ],
)
def test_the_qualities_decide(alice, large, accept, expected):
    response = read(alice, large, accept)
    assert response.status_code == 200
    assert response.headers.get("Content-Encoding") in expected


@pytest.mark.parametrize("accept", ["gzip;q=abc", ";;;", "gzip;q=", ",", "gzip;q=99", "\x01", "gzip;" * 1000])
def test_a_header_that_cannot_be_read_breaks_nothing(alice, large, accept):
    response = read(alice, large, accept)
    encoding = response.headers.get("Content-Encoding")
    assert response.status_code == 200
    assert b"Cell biology" in DECODE.get(encoding, bytes)(response.get_data())


@pytest.mark.parametrize("encoding", DECODE)
def test_a_small_answer_is_sent_as_it_is(alice, encoding):
    response = read(alice, "/api/notes/", encoding)
    assert "Content-Encoding" not in response.headers
    assert response.json["results"] == []


def test_each_encoding_has_its_own_tag(alice, large):
    tags = [expect.strong(read(alice, large, encoding).headers["ETag"]) for encoding in ("identity", *DECODE)]
    assert len(set(tags)) == 4


@pytest.mark.parametrize("encoding", DECODE)
def test_the_tag_of_an_encoding_gives_a_304_in_that_encoding(alice, large, encoding):
    tag = read(alice, large, encoding).headers["ETag"]
    response = alice.get(large, headers={"Accept-Encoding": encoding, "If-None-Match": tag})
    assert (response.status_code, response.get_data()) == (304, b"")
    assert response.headers["ETag"] == tag


@pytest.mark.parametrize("encoding", ["identity", *DECODE])
def test_every_answer_says_that_it_depends_on_the_encoding(alice, large, encoding):
    assert "accept-encoding" in expect.directives(read(alice, large, encoding).headers["Vary"])
    assert "accept-encoding" in expect.directives(read(alice, "/api/openapi.json", encoding).headers["Vary"])


def test_the_api_description_is_compressed_for_anybody(anonymous):
    response = read(anonymous, "/api/openapi.json", "gzip")
    assert response.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(response.get_data()) == read(anonymous, "/api/openapi.json", "identity").get_data()


def test_the_encodings_do_not_mix_when_answers_are_kept(alice, large):
    plain = read(alice, large, "identity").get_data()
    for encoding in (*DECODE, *reversed(DECODE)):
        assert DECODE[encoding](read(alice, large, encoding).get_data()) == plain
        assert read(alice, large, "identity").get_data() == plain


def test_head_of_a_compressed_answer_has_its_headers_and_no_body(alice, large):
    response = alice.head(large, headers={"Accept-Encoding": "gzip"})
    assert response.get_data() == b""
    assert response.headers["ETag"] == read(alice, large, "gzip").headers["ETag"]
