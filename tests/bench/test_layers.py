"""Where each microsecond goes: what is timed, and how it is shown."""

import time
from xml.etree import ElementTree as ET

from bench import layers
from bench.page import PAGE, block


def test_a_layer_is_timed_without_the_layers_that_it_calls():
    timing = layers.Layers()
    inner = timing.timed("inner", lambda: time.sleep(0.02))
    timing.timed("outer", lambda: (time.sleep(0.005), inner(), inner()))()
    spent = timing.take()
    assert spent["inner"] >= 40_000
    assert 5_000 <= spent["outer"] < spent["inner"]
    assert timing.take() == {}


def test_every_border_is_there_and_is_put_back():
    timing = layers.Layers()
    before = layers.door.FrontDoor.__call__
    with timing.watching():
        assert layers.door.FrontDoor.__call__ is not before
    assert layers.door.FrontDoor.__call__ is before


FOUND = {"list, uncached": {"express lane": 200.0, "Redis": 50.4}, "list, warm": {"Redis": 51.0}}


def test_the_table_has_every_layer_and_the_sum():
    said = layers.as_table(FOUND)
    assert "| Redis | the script, and waiting for it | 50 | 51 |" in said
    assert "| **together** |  | **250** | **51** |" in said


def test_the_picture_says_in_words_what_it_shows():
    root = ET.fromstring(layers.picture(FOUND))
    said = "".join(root.itertext())
    assert "list, uncached 250; list, warm 51." in said and "express lane: 200" in said


def test_the_page_has_a_place_for_it():
    assert "a table" in block(PAGE.read_text(), "layers", "a table")
