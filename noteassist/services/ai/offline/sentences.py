"""Cut prose into sentences, in the languages that students write."""

import re
from collections.abc import Iterator

from noteassist.services.ai.offline.inline import folded, mask
from noteassist.services.ai.offline.languages import SMALL_WORDS, words_of

# A full stop behind these ends no sentence.
_ALWAYS_OPEN = words_of(
    """
    abb abs approx apr assoc aug avg bd bspw bzw ca cap cf chap col cp dec def dept dev dist dr ed eds
    eg ej engl eq eqs equiv est evtl excl exp feb fig figs fr gen ggf gov hr hrsg ie incl insb jan jh
    jul jun kap lat lit llm lt mag mar math max mgr min mlle mme mr mrs ms mt mw nov nr num oct okt op
    pag para pp pr prof prop pág ref refs rep resp rev rr sci sec sect sen sep sept seq sog spec sr sra
    srta st std str tab tel temp u ugs univ usf v var vgl vol vols vs z zb zt
    """
)
# A full stop behind these may end one: the next word decides.
_SOMETIMES_OPEN = words_of("al bc bce ce co corp etc ff inc jr ltd mio mrd usw")
_OPEN_BEFORE_NUMBERS = frozenset({"no", "p", "s", "ch", "art"})
_STOP = re.compile(r"""([.!?…]++)(["'”’»«“)\]*_]{0,6}+)(\s++|$)|([。！？｡．]++)([」』”’）)*_]{0,6}+)()""")
_OTHER_STOP = re.compile(r"([।॥؟۔։።။។]++)([»”\"')*_]{0,6}+)(\s*+)")
_LAST_WORD = re.compile(r"((?:[^\W\d_]\.){0,3}[^\W\d_]{1,20}|\d{1,9})$")
_AFTER_SPEECH = ("と", "って")
_OPENING = "\"'“‘„«»¿¡([{*_–— "


def sentences_of(prose: str, language: str) -> list[str]:
    """Cut one paragraph into its sentences, each verbatim but on one line; [] when it is blank."""
    masked = mask(prose.strip())
    pieces = masked.restore_each(_pieces(masked.text, language))
    return [sentence for piece in pieces if (sentence := folded(piece))]


def is_whole(sentence: str) -> bool:
    """Say whether the text ends as a sentence does."""
    return sentence.rstrip("\"'”’»«“)]*_」』）`")[-1:] in set(".!?…。！？｡．।॥؟۔։።။។")


def ends_sentence(word: str, language: str) -> bool:
    """Say whether a full stop directly behind this word, which is in lower case, ends a sentence."""
    if word.isdigit():
        return not (language in {"de", "nl"} and len(word) <= 2)
    return word not in _ALWAYS_OPEN and word not in _SOMETIMES_OPEN and len(word) > 1


def _pieces(text: str, language: str) -> Iterator[str]:
    is_careless = len(re.findall(r"[.!?] [a-z]", text)) > len(re.findall(r"[.!?] [A-ZÀ-Þ¿¡]", text))
    strong_left = text.count("**")
    start = counted = inside = 0
    for match in sorted((*_STOP.finditer(text), *_OTHER_STOP.finditer(text)), key=lambda stop: stop.start()):
        inside += text.count("**", counted, match.end())
        counted = match.end()
        if inside % 2 and inside < strong_left:
            continue  # bold text that goes on is not torn apart
        if _is_end(text, match, language, is_careless=is_careless):
            yield text[start : match.end()]
            strong_left -= inside
            inside = 0
            start = match.end()
    yield text[start:]


def _is_end(text: str, stop: re.Match[str], language: str, *, is_careless: bool) -> bool:
    following = text[stop.end() : stop.end() + 40].lstrip(_OPENING)
    if stop.re is _OTHER_STOP or stop[4]:
        return not (stop.re is _STOP and stop[5] and following.startswith(_AFTER_SPEECH))
    if not following:
        return True
    if following[0].islower() and not (is_careless and stop[1] in ".!?" and not stop[2]):
        return False
    if stop[1] != ".":
        return True
    match = _LAST_WORD.search(text[max(0, stop.start() - 30) : stop.start()])
    return match is None or _is_end_behind(match[1], following, language)


def _is_end_behind(word: str, following: str, language: str) -> bool:
    """Judge the full stop behind a word, which may be the last part of `z.B` or of `p.m`."""
    last = word.rpartition(".")[2].lower()
    if last in _OPEN_BEFORE_NUMBERS:
        return not following[0].isdigit()
    if last in _SOMETIMES_OPEN or "." in word:
        return following[0].isupper() and (last in _SOMETIMES_OPEN or last in {"s", "m"})
    if len(last) == 1 and last.isalpha():
        # One letter may be an initial (J. Smith), but also a name in a proof (from A to B. The next ...).
        first_word = re.match(r"\w*", following)
        is_small = first_word is not None and first_word[0].lower() in SMALL_WORDS.get(language, ())
        return is_small or (word.islower() and language not in {"de", "nl"})
    return ends_sentence(last, language)
