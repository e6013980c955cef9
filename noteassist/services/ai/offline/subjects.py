"""Guess what kind of subject something belongs to, by words in four languages."""

import re

GENERIC = "generic"

# The beginnings of words, in lower case.
_BEGINNINGS = {
    "mathematics": """
        math algebra calcul analysis geometr theorem proof prime integral derivativ matrix matrices vector probab
        statisti equation polynom fraction number zahl beweis satz gleichung bruch ableitung géométr théorèm nombre
        démonstr équation dérivée geometr teorema número ecuaci demostra logarith limit topolog set""",
    "programming": """
        program python java javascript typescript rust golang kotlin swift php ruby sql html css algorithm algorithmus
        informati software comput code coding programm recurs pointer compiler databas datenbank operating kernel
        thread process network netzwerk api git debug loop schleife boucle bucle array haskell linux web regex
        scheduler concurren cryptograph machine logiciel réseau ordenador ingeniería""",
    "history": """
        histor geschicht war krieg guerre guerra revolution révolution revolución empire reich imperio medieval
        mittelalter ancient antike antiquité antigüedad politic politik politi sociolog soziolog society gesellschaft
        société sociedad econom wirtschaft geograph geograf republi dynast treaty coloni kolonial migration century""",
    "languages": """
        languag sprach langue lengua idioma grammar grammat gramátic vocabul wortschatz verb tense subjunctiv
        konjunktiv subjonctif subjuntivo literatur littérat pronunc ausspra linguist english englisch anglais inglés
        german deutsch allemand alemán french französisch français francés spanish spanisch espagnol español latin
        latein japanese chinese pronoun preposition dativ akkusativ""",
    "law": """
        law legal jur recht droit derecho contract vertrag contrat contrato constitution verfassung constitución
        criminal straf pénal penal torts liabil haftung statute court gericht tribunal bgb delikt""",
    "medicine": """
        medic medizin médecin anatom physiolog patholog pharma disease krankheit maladie enfermedad clinic klinik
        clinique clínic patient therap thérap nurs pflege diagnos surger chirurg cardio neuro immun vaccin infect
        symptom syndrom diabet cancer krebs""",
    "science": """
        physi chem chim quím quim biolog scienc naturwissenschaft ciencia energ atom molec molekül molécul cell zell
        cellule célula photosynth fotosínt genet evolution évolution evoluci gravit thermo thermodyn quantum quanten
        quantique electr elektr électr optic optik ecolog ökolog écolog geolog astronom osmos force kraft wave welle
        acid säure plant pflanz reaction""",
}
_STEMS = {kind: tuple(words.split()) for kind, words in _BEGINNINGS.items()}
_WORD = re.compile(r"\w+")
_LOOKED_AT = 2_000
# Short beginnings would match too much: as whole words they are meant.
_WHOLE_UP_TO = 3
_PART_FROM = 5


def kind_of(subject: str | None, topic: str) -> str:
    """Guess the kind of subject: mathematics, programming, history, languages, law, medicine, science or generic.

    The name of the subject counts three times as much as the topic.
    """
    points = dict.fromkeys(_STEMS, 0)
    for text, weight in ((subject or "", 3), (topic, 1)):
        for word in _WORD.findall(text[:_LOOKED_AT].lower()):
            for kind, stems in _STEMS.items():
                points[kind] += weight * any(_fits(word, stem) for stem in stems)
    best = max(points, key=lambda kind: points[kind])
    return best if points[best] else GENERIC


def _fits(word: str, stem: str) -> bool:
    if len(stem) > _WHOLE_UP_TO:
        # German writes compounds as one word: a Kaufvertrag is a Vertrag.
        return stem in word if len(stem) > _PART_FROM else word.startswith(stem)
    return word.startswith(stem) and len(word) <= len(stem) + 3
