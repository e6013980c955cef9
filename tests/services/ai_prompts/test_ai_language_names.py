"""Languages have English names."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noteassist.services.ai.prompts import language_name, rendering


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("en", "English"),
        ("de", "German"),
        ("pt-BR", "Brazilian Portuguese"),
        ("PT-br", "Brazilian Portuguese"),
        ("pt_BR", "Brazilian Portuguese"),
        ("zh-Hant", "Traditional Chinese"),
        ("zh-CN", "Simplified Chinese"),
        ("en-GB", "British English"),
        ("es-419", "Latin American Spanish"),
        ("sr-Latn", "Serbian in Latin script"),
    ],
)
def test_a_common_tag_has_its_name(tag, name):
    assert language_name(tag) == name


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("fr-LU", "French (fr-LU)"),
        ("zh-Hant-MO", "Traditional Chinese (zh-Hant-MO)"),
        ("de-CH-1996", "Swiss Standard German (de-CH-1996)"),
    ],
)
def test_an_uncommon_variety_keeps_its_tag(tag, name):
    assert language_name(tag) == name


@pytest.mark.parametrize("tag", ["tlh", "x-klingon", "qaa-Latn"])
def test_an_unknown_tag_stands_for_itself(tag):
    assert language_name(tag) == f"{tag} (a BCP 47 language tag)"


@settings(deadline=None)  # a busy machine is no failure
@given(st.text())
def test_a_name_is_always_short_and_on_one_line(tag):
    name = language_name(tag)
    assert re.fullmatch(r"[\w() -]{3,80}", name)
    assert "\n" not in name


def test_about_a_hundred_languages_are_known_and_listed_once():
    listed = rendering._LANGUAGE.findall(rendering._read_text("languages"))
    assert len(listed) == len(rendering._read_languages()) >= 80
    assert all(re.fullmatch(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2}|-419)?", tag) for tag, _ in listed)
    assert [tag.lower() for tag, _ in listed] == sorted(tag.lower() for tag, _ in listed)
