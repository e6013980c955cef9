"""Tidy the typography of prose without touching what it says."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from noteassist.services.ai.offline.inline import mask
from noteassist.services.ai.offline.languages import SMALL_WORDS, words_of
from noteassist.services.ai.offline.sentences import ends_sentence

_LETTERS = "A-Za-zÀ-ɏͰ-ϿЀ-ӿ"
_QUOTE_PAIRS = (("„", "“"), ("„", "”"), ("“", "”"))
# Words that a language never uses twice in a row; `had had`, `that that` and `sehr sehr` are good style.
_NEVER_TWICE = {
    "en": "the an of our their into than between through these those its your because should would could we they",
    "de": "und oder eine einen einem einer für von wird wurde aber wenn auch dass weil",
    "fr": "et ou le les un une des du dans pour avec par sur mais donc aux cette",
    "es": "y el los las un una de en con por para pero del como",
}
_TECHNICAL_NAMES = words_of(
    """
    apt awk bash cat chmod curl docker exec fork free fsync gcc git grep iptables kill ls make malloc
    mkdir mysql nginx nmap npm null numpy pandas perl pip printf psql pytest python rm sed sh sqlite ssh
    stderr stdin stdout sudo systemd tar true undefined vim void wget yarn zsh
    """
)
# No program has members of these names, and no country such a domain.
_NEVER_A_MEMBER = words_of("because however she that the their there these they this those which your")
# Behind these, a mark that stands alone is what the sentence speaks about.
_MENTIONING = words_of(
    """
    a als an and as by caractère carácter character characters char colon comma con de der die das dot ein el et for
    from key komma la le like mark mit o oder of operator operators or ou par period por press punkt semicolon sign
    signe signo signs symbol symbole symbols símbolo the to type un und une use uses using with y zeichen
    """
)
_MATHS_WITH_I = re.compile(
    r"(?<!\w)i(?:-?th\b|\s*[=<>+*/^,;)\]≤≥∈]| in | to )|(?:index|variable|counter|each|for|where|subscript|row|"
    r"column|element|number|node|step|unit|and|or|let|of) i\b|[_^{(\[,]\s*i\b|[`$]i[`$]|\d\s*i\b",
    re.IGNORECASE,
)
_LONE_I = re.compile(r"(?<![\w'’.*_(/\[-])i(?=['’](?:m|ve|ll|d)\b|\s+[a-z]{2})")
_CRAMPED = re.compile(
    rf"(?<!\S)[\"'“‘*_]*+[{_LETTERS}]{{2,60}}+(?:[,;!?][{_LETTERS}]{{2,60}}+){{1,9}}[.,;:!?\"'”’*_)]*+(?!\S)"
)
_CRAMPED_MARK = re.compile(rf"([,;!?])(?=([{_LETTERS}]+))")
_STRAY_COMMA = re.compile(rf"(?<![{_LETTERS}])([{_LETTERS}]{{2,60}}+)[ \t]++([,;])(?=[{_LETTERS}]{{2}})")
_CRAMPED_STOP = re.compile(
    rf"(?<!\S)([\"'“‘(*_]*+[{_LETTERS}]{{2,60}}+)\.([{_LETTERS}][{_LETTERS}]{{0,20}}+)(?!\S)"
)
_LOOSE_MARK = re.compile(r"(?<!\S)(\S++)[ \t]++([,;:!?.])(?=\s|\Z)")
_LOWER_START = re.compile(
    rf"(?<![\w.])([{_LETTERS}]{{3,40}}+)([)\]”’\"]{{0,2}}+)([.?])([ \n])([a-zà-öø-ÿα-ωа-я]{{2,40}}+)"
    r"(?=[ ,;\n'’]|\Z)"
)
_FIRST_WORD = re.compile(r"([a-zà-öø-ÿα-ωа-я]{2,40}+|a(?= ))(?=[ ,;\n'’]|\Z)")
_DASH = re.compile(
    rf"((?<![{_LETTERS}])[{_LETTERS}]{{2,60}}+[*_)\"”’]{{0,3}}+) (-|--|---) (?=[*_(\"“]{{0,3}}+[{_LETTERS}]{{2}})"
)
_LONG_DASH = re.compile(r"(?<=\S) [–—] (?=\S)")
_JOINED_DASH = re.compile(rf"(?<=[{_LETTERS}]{{2}})(?:--|---)(?=[{_LETTERS}]{{2}})")
_FORMULA = re.compile(r"[=<>+×÷≈≤≥∈|\\]")
_ELLIPSIS = re.compile(r"(?<![.\d/\\])\.\.\.(?![.\w/\\])")


@dataclass(frozen=True, slots=True)
class Style:
    """Say what a text prefers, so that all of it can follow: its language, quotes, apostrophe and dash.

    Quotes are a pair or None for straight ones; `i_is_a_name` tells that a lone i is no pronoun.
    """

    language: str
    quotes: tuple[str, str] | None
    apostrophe: str
    dash: str
    i_is_a_name: bool
    code_words: frozenset[str]


def style_of(prose: str, language: str) -> Style:
    """Find out what a text prefers, by what it uses more often."""
    quotes = next((pair for pair in _QUOTE_PAIRS if pair[0] in prose and pair[1] in prose), None)
    curly = len(re.findall(r"(?<=[^\W\d_])’(?=[^\W\d_])", prose))
    straight = len(re.findall(r"(?<=[^\W\d_])'(?=[^\W\d_])", prose))
    words = re.findall(r"(?<!`)`([a-z]{1,40})`(?!`)", prose)
    return Style(
        language,
        quotes,
        "’" if curly > straight else "'",
        "—" if prose.count(" — ") > prose.count(" – ") else "–",
        language != "en" or _MATHS_WITH_I.search(prose) is not None,
        frozenset(words),
    )


def tidied(text: str, style: Style, *, is_start: bool) -> str:
    """Tidy one paragraph, heading or list item; `is_start` says that a sentence starts with it.

    Code, maths, links, tags and addresses inside stay as they are. Every step leaves the words alone
    but for their case and for words that were typed twice.
    """
    masked = mask(text)
    changed = masked.text
    for step in _STEPS:
        changed = step(changed, style)
    first = _FIRST_WORD.match(changed)
    if first and is_start and style.language in SMALL_WORDS:
        changed = _capitalised(first[1], style) + changed[first.end() :]
    restored = masked.restore(changed)
    return text if restored is None else restored


def _fold_blanks(text: str, _: Style) -> str:
    return re.sub(r"(?<=[^ \t\n])[ \t]{2,}+(?=[^ \t\n])", " ", text)


def _attach_marks(text: str, style: Style) -> str:
    """Remove blanks before punctuation, unless the mark itself is what the sentence is about."""
    if " ? " in text and " : " in text:
        return text
    kept = ":;!?" if style.language in {"fr", ""} else ""

    def attach(match: re.Match[str]) -> str:
        word = match[1].strip("\"'“”‘’()[]*_")
        speaks_of_it = word.lower() in _MENTIONING or len(word) < 2 or not word[-1].isalpha()
        return match[0] if speaks_of_it or match[2] in kept else match[1] + match[2]

    def move(match: re.Match[str]) -> str:
        return match[0] if match[1].lower() in _MENTIONING else f"{match[1]}{match[2]} "

    return _STRAY_COMMA.sub(move, _LOOSE_MARK.sub(attach, text))


def _space_mark(match: re.Match[str]) -> str:
    is_prose = match[1] in ",;" or (match[2][0].isupper() and match[2][1:].islower())
    return f"{match[1]} " if is_prose else match[1]


def _space_marks(text: str, style: Style) -> str:
    """Put a blank behind punctuation between two words; file names and code look otherwise."""
    small = SMALL_WORDS.get(style.language, frozenset())

    def space(match: re.Match[str]) -> str:
        words = re.findall(r"[^\W_]+", match[0])
        # Several commas without any small word between them look like data.
        if len(words) > 2 and not any(word.lower() in small for word in words):
            return match[0]
        return _CRAMPED_MARK.sub(_space_mark, match[0])

    def space_stop(match: re.Match[str]) -> str:
        is_prose = (
            match[1][-1].islower()
            and (match[2] in _NEVER_A_MEMBER or (match[2].istitle() and match[2].lower() in small))
            and ends_sentence(match[1].strip("\"'“‘(*_").lower(), style.language)
        )
        return f"{match[1]}. {match[2]}" if is_prose else match[0]

    return _CRAMPED_STOP.sub(space_stop, _CRAMPED.sub(space, text))


def _drop_doubles(text: str, style: Style) -> str:
    pattern = _DOUBLES.get(style.language)
    if pattern is None:
        return text
    return pattern.sub(lambda match: match["word"] if match["again"].islower() else match[0], text)


def _doubled(words: str) -> re.Pattern[str]:
    """Match a word and its repetitions; quoted or hyphenated ones are meant as they stand."""
    choice = "|".join(words.split())
    return re.compile(
        rf"(?<![\w\"'“”‘’«„*_./-])(?P<word>(?i:{choice}))"
        r"(?P<again>(?:(?:[ \t]++|[ \t]?\n)(?i:(?P=word)))+)(?=[ \t\n])"
    )


def _even_dashes(text: str, style: Style) -> str:
    if not _FORMULA.search(text):
        text = _DASH.sub(rf"\1 {style.dash} ", text)
    return _LONG_DASH.sub(f" {style.dash} ", _JOINED_DASH.sub("—", text))


def _even_ellipses(text: str, _: Style) -> str:
    return _ELLIPSIS.sub("…", text)


def _even_quotes(text: str, style: Style) -> str:
    text = re.sub(r"(?<=[^\W\d_])['’](?=[^\W\d_])", style.apostrophe, text)
    places = [match.start() for match in re.finditer('"', text)]
    if style.quotes is None or not places or len(places) % 2:
        return text
    padded = f" {text} "
    opens = all(padded[place].isspace() or padded[place] in "([–—*_" for place in places[::2])
    closes = all(not padded[place].isspace() and not padded[place].isdigit() for place in places[1::2])
    if not opens or not closes or any(padded[place + 2].isspace() for place in places[::2]):
        return text
    characters = list(text)
    for number, place in enumerate(places):
        characters[place] = style.quotes[number % 2]
    return "".join(characters)


def _raise_starts(text: str, style: Style) -> str:
    if style.language not in SMALL_WORDS:
        return text

    def capitalise(match: re.Match[str]) -> str:
        if not ends_sentence(match[1].lower(), style.language):
            return match[0]
        return f"{match[1]}{match[2]}{match[3]}{match[4]}{_capitalised(match[5], style)}"

    return _LOWER_START.sub(capitalise, text)


def _raise_lone_i(text: str, style: Style) -> str:
    return text if style.i_is_a_name else _LONE_I.sub("I", text)


def _capitalised(word: str, style: Style) -> str:
    """Capitalise a word, but not the name of a program."""
    if word in _TECHNICAL_NAMES or word in style.code_words:
        return word
    return word[0].upper() + word[1:]


_DOUBLES = {language: _doubled(words) for language, words in _NEVER_TWICE.items()}
_STEPS: tuple[Callable[[str, Style], str], ...] = (
    _fold_blanks,
    _drop_doubles,
    _attach_marks,
    _space_marks,
    _even_ellipses,
    _even_dashes,
    _even_quotes,
    _raise_lone_i,
    _raise_starts,
)
