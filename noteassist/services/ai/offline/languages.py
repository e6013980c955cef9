"""Guess the language of a text from its small words, and know which words those are."""

import re
from collections import Counter

_SMALL_WORDS = {
    "en": """
        a about after all also although an and any are as at be because been before being between both but by can
        could did do does during each either for from had has have having he her here him his how however i if in
        into is it its just me more most must my no nor not of on once only or other our out over own same she
        should so some such than that the their them then there therefore these they this those through thus to
        too under until up upon us very was we were what when where whether which while who whom whose why will
        with without would you your""",
    "de": """
        aber alle allem allen aller alles als also am an auch auf aus bei beim bin bis bist da dabei damit dann das
        dass dein dem den denn der des deshalb dessen die dies diese diesem diesen dieser dieses doch dort du durch
        ein eine einem einen einer eines er es etwa etwas für gegen hat hatte hatten haben hier ich ihm ihn ihr
        ihre ihrem ihren ihrer im in indem ins ist ja jede jedem jeden jeder jedes jedoch kann kein keine können
        man mehr mein mit muss nach nicht noch nun nur ob oder ohne sehr sein seine seinem seinen seiner sich sie
        sind so sogar sondern über um und uns unter vom von vor war waren was weil wenn werden wer wie wieder wird
        wir wo wurde wurden zu zum zur zwischen""",
    "fr": """
        à afin ai ainsi alors après au aucun aussi autre aux avant avec avoir bien car ce ceci cela celle celui ces
        cet cette ceux chaque ci comme comment contre dans de depuis des donc dont du elle elles en encore entre
        est et étaient était être eux il ils je jusqu la là le les leur leurs lors lorsque lui ma mais me même mes
        moi moins mon ne ni nos notre nous on ont or ou où par parce pas pendant peu peut plus pour pourquoi quand
        que quel quelle qui quoi sa sans se ses si son sont sous sur ta te tes toi ton tous tout toute toutes très
        tu un une vers vos votre vous y""",
    "es": """
        a además al algo algunos ambos ante antes aquel aquí así aún aunque cada como con contra cual cuando cuyo
        de del desde después donde durante e el él ella ellas ellos en entre era eran es esa ese eso esta estas
        este esto estos está están fue fueron ha había han hasta hay la las le les lo los más me mediante mi mientras
        muy ni no nos nuestra nuestro o para pero por porque que qué quien se sea según ser si sí sido sin sino
        sobre son su sus también tan tanto te tiene tienen todo todos tras tu un una unas uno unos y ya yo""",
    "it": """
        a ad agli ai al alla alle anche che chi ci come con cui da dai dal dalla dalle degli dei del della delle di
        dove e ed era erano essere fra gli ha hanno i il in io la le lei lo loro ma mentre molto ne nei nel nella
        nelle noi non o ogni per perché però più poi quando quella quelle quelli quello questa queste questi questo
        se sono stata stato su sui sul sulla tra tutti un una uno voi è""",
    "pt": """
        a ao aos as assim até com como da das de dela dele depois do dos e é ela ele eles em entre era eram essa
        esse esta este eu foi foram há isso isto já lhe mais mas mesmo muito na nas não nem no nos nós o os ou para
        pela pelas pelo pelos por porque quando que quem são se sem ser seu seus sobre sua suas também tem têm um
        uma você""",
    "nl": """
        aan al als alles ben bij dan dat de der deze die dit doch doen door dus een en er ge geen haar had heb
        hebben heeft hem het hier hij hoe hun iets ik in is ja je kan maar me meer men met mij mijn moet na naar
        niet nog nu of om omdat onder ons ook op over te toch toen tot uit uw van veel voor want waren was wat we
        wel werd wie wij worden wordt zal ze zelf zich zij zijn zo zonder zou""",
}
SMALL_WORDS = {language: frozenset(words.split()) for language, words in _SMALL_WORDS.items()}
_WORD = re.compile(r"[^\W\d_]+")
_LOOKED_AT = 20_000
_WORDS_WITHOUT_LANGUAGE = 25


def words_of(text: str) -> frozenset[str]:
    """Give the words of a list that is written as a text."""
    return frozenset(text.split())


def language_of(text: str) -> str:
    """Guess the language of a text; an empty string when its small words are of none that is known."""
    words = Counter(_WORD.findall(text[:_LOOKED_AT].lower()))
    hits = {
        language: sum(count for word, count in words.items() if word in small)
        for language, small in SMALL_WORDS.items()
    }
    best, second, *_ = sorted(hits, key=lambda language: -hits[language])
    is_clear = hits[best] > hits[second] and hits[best] * 10 >= words.total()
    return best if is_clear else ""


def small_words_of(text: str, language: str) -> frozenset[str]:
    """Give the words that say nothing about the subject; in an unknown language the short frequent ones."""
    if language in SMALL_WORDS:
        return SMALL_WORDS[language]
    counted = Counter(_WORD.findall(text.lower())).most_common(_WORDS_WITHOUT_LANGUAGE)
    return frozenset(word for word, count in counted if len(word) <= 4 and count > 2)
