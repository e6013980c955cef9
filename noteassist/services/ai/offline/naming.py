"""Guess from a task in prose how its function is called and what it takes."""

import re
import unicodedata

from noteassist.services.ai.offline.languages import SMALL_WORDS, words_of

_VERBS = words_of(
    """
    add analyse analyze average balance build calculate check classify collect compare compress compute convert copy
    count crop decode decrypt delete detect determine display divide download draw encode encrypt estimate evaluate
    extract fetch filter find flatten format generate group guess hash insert join load log map measure merge
    minimise minimize move multiply parse plot predict print rank read remove rename render replace resize reverse
    roll rotate save scrape search select show shuffle simulate solve sort split store subtract sum swap tokenize
    train transform translate traverse update validate verify visualise visualize
    """
)
# The beginnings of some verbs in German, French and Spanish, by the English word for the name.
_FOREIGN_VERBS = {
    "sortier": "sort", "berechn": "calculate", "zaehl": "count", "zahl": "count", "zähl": "count", "such": "search",
    "pruef": "check", "prüf": "check", "umkehr": "reverse", "filter": "filter", "trie": "sort", "calcul": "calculate",
    "compt": "count", "cherch": "search", "vérifi": "check", "invers": "reverse", "affich": "print", "ordena": "sort",
    "ordene": "sort", "cuent": "count", "busc": "search", "invier": "reverse", "comprueb": "check", "liest": "read",
}  # fmt: skip
_ABOUT_THE_TASK = words_of(
    """
    algorithm algorithmus application app bitte build class code console create crea crear crée créer design develop
    ecris écris erstelle escribe example exercise fonction funktion funcion función function given gives help
    implement implementation make method need please program programa programm programme python java javascript
    typescript ruby rust kotlin swift golang bash sql html php return returns schreib schreibe script simple skeleton
    skript small task takes use uses using want way write
    """
)
_CONTAINERS = words_of("list array set sequence collection string series vector liste lista tableau")
# Words of C++ that look like a verb and its object.
_TAKEN = words_of("const_cast dynamic_cast reinterpret_cast static_assert static_cast thread_local not_eq")
_SMALL = frozenset().union(*SMALL_WORDS.values())
_WORD = re.compile(r"[^\W\d_][^\W_]*")
_LOOKED_AT = 2_000
_LONGEST = 40
_MOST_NOUNS = 2
_KINDS = {
    "file": "files? csv json pfad datei dateien fichiers? archivos? path folder directory logfile",
    "numbers": """
        lists? arrays? numbers integers items elements values columns? matrix vector sequence scores prices grades
        average median zahlen werte nombres valeurs números valores lista liste tableau""",
    "text": r"""
        strings? texts? words? sentences? names? palindrom\w* vowels? characters? letters? email password url wort
        wörter satz mots? phrase palabras? frase cadena texto texte zeichenkette""",
    "number": """
        number integer n factorial fibonacci primes? even odd celsius fahrenheit degrees? year age dice power root
        divisor zahl fakultät nombre entier factorielle número entero gcd temperature""",
}
_KIND_PATTERNS = {
    kind: re.compile(rf"\b(?:{'|'.join(patterns.split())})\b") for kind, patterns in _KINDS.items()
}


def name_of(task: str) -> tuple[str, ...]:
    """Give the words of a function's name, at least two, in lower case and ASCII: the verb and its object."""
    words = _WORD.findall(task[:_LOOKED_AT].lower())
    telling = [word for word in words if word not in _SMALL and word not in _ABOUT_THE_TASK]
    verb, before, after = _around_verb(telling)
    nouns = _nouns(words, after) or _nouns(words, before[-1:])
    name = [*([verb] if verb else []), *nouns]
    if verb in telling and before and not _nouns(words, after):
        name = [*nouns, verb]  # a `binary search` is called so, and not the other way round
    if len(name) == 1:
        name = [verb, "input"] if verb else ["solve", *name]
    kept = tuple(name[:2] if len("_".join(name)) > _LONGEST else name)
    is_fit = kept and len("_".join(kept)) <= _LONGEST and "_".join(kept) not in _TAKEN
    return kept if is_fit else ("solve", "task")


def kind_of_input(task: str) -> str:
    """Guess what a function takes: file, numbers, text or number; text when nothing tells."""
    lowered = task[:_LOOKED_AT].lower()
    return next((kind for kind, pattern in _KIND_PATTERNS.items() if pattern.search(lowered)), "text")


def _around_verb(words: list[str]) -> tuple[str, list[str], list[str]]:
    """Give the first verb that is known, the words before it, and those after it."""
    for place, word in enumerate(words):
        if base := _base_of(word):
            return base, words[:place], words[place + 1 :]
    return "", [], words


def _base_of(word: str) -> str:
    """Give the infinitive of a verb that is known, in English; an empty string for other words."""
    endings = (
        ("", ""),
        ("s", ""),
        ("es", ""),
        ("ies", "y"),
        ("ing", ""),
        ("ing", "e"),
        ("ed", ""),
        ("d", ""),
    )
    for ending, instead in endings:
        stem = word.removesuffix(ending) + instead
        if word.endswith(ending) and stem in _VERBS:
            return stem
        if ending == "ing" and stem[-1:] == stem[-2:-1] and stem[:-1] in _VERBS:
            return stem[:-1]
    return next((verb for start, verb in _FOREIGN_VERBS.items() if word.startswith(start)), "")


def _nouns(words: list[str], telling: list[str]) -> list[str]:
    """Choose what the verb works on; of a `list of numbers` it is the numbers."""
    chosen = []
    for word in telling:
        follows = words[words.index(word) + 1 : words.index(word) + 2]
        if word in _CONTAINERS and follows and follows[0] in {"of", "von", "de"}:
            continue
        plain = _in_ascii(word)
        if len(plain) > 1 and plain not in chosen:
            chosen.append(plain)
        is_last = bool(follows) and follows[0] in _SMALL
        if len(chosen) == _MOST_NOUNS or (chosen and is_last):
            break
    return chosen


def _in_ascii(word: str) -> str:
    spelled = word.replace("ß", "ss")
    plain = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    letters = re.sub(r"[^a-z0-9]", "", plain)
    # A word of another script would lose most of its letters.
    return letters if letters[:1].isalpha() and 2 * len(letters) >= len(word) else ""
