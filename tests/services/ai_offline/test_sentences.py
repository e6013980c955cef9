import pytest

from noteassist.services.ai.offline.languages import language_of
from noteassist.services.ai.offline.sentences import sentences_of


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        (
            "en",
            ["Use e.g. a stack.", "Dr. Smith said 3.14 is pi.", "It cost $5.00!", '"Why?" he asked.', "Yes."],
        ),
        (
            "en",
            ["See Fig. 3 for more.", "J. R. Tolkien wrote it... and slept.", "He left at 5 p.m.", "The end."],
        ),
        ("en", ["We go from A to B.", "The answer is no.", "It has no. 5 on it, etc.", "Good!"]),
        ("en", ["Visit https://x.org/a.B? now.", "Call `a. B` first.", "With $p = 0. Q$ it works."]),
        ("en", ["this is one.", "this is two.", "and three"]),
        (
            "de",
            [
                "Das gilt z. B. für Wasser.",
                "Am 3. Mai 1999 kam Dr. Müller bzw. seine Frau usw.",
                "Danach nichts.",
            ],
        ),
        ("fr", ["Qu'est-ce que c'est ?", "C'est un chat.", "« Bonjour. » dit-il."]),
        ("es", ["¿Qué es?", "¡Vale!", "Así es."]),
        ("", ["هذا كتاب.", "هل هو جيد؟", "نعم."]),
        ("", ["Молекула состоит из атомов.", "Вода — это H2O."]),
    ],
)
def test_a_text_is_cut_where_its_sentences_end(language, sentences):
    assert sentences_of(" ".join(sentences), language) == sentences


def test_ideographic_full_stops_need_no_blank():
    assert sentences_of("水は沸騰する。「本当？」と彼は聞いた。はい！", "") == [
        "水は沸騰する。",
        "「本当？」と彼は聞いた。",
        "はい！",
    ]


def test_bold_text_is_not_torn_apart():
    assert sentences_of("**One. Still one.** Two.", "en") == ["**One. Still one.**", "Two."]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The cell is the smallest unit of life, and it has a membrane."),
        ("de", "Die Zelle ist die kleinste Einheit des Lebens und hat eine Membran."),
        ("fr", "La cellule est la plus petite unité de la vie et elle a une membrane."),
        ("es", "La célula es la unidad más pequeña de la vida y tiene una membrana."),
        ("", "細胞は生命の最小単位です。"),
    ],
)
def test_a_language_is_known_by_its_small_words(language, text):
    assert language_of(text) == language
