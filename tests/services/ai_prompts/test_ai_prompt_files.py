"""The prompt files: versions, sections, placeholders, and what every prompt has to say."""

import re
from hashlib import sha256
from importlib import resources
from itertools import product

import pytest

from noteassist.services.ai import prompts
from noteassist.services.ai.prompts import TOOLS, render, rendering, version_of

# The files as they were published. An answer that is remembered carries its prompt's version, so a
# changed text needs a new number: raise `version` in the file and add a line here.
PUBLISHED = {
    ("generate", 1): "13f57cdee1dbf69fa94f2343879dccd1777f6a8d85cd7a8f9c6969f6aad9416c",
    ("improve", 1): "be136817e4847802b512b06d12d29146aee99ea9bed73470539571eb90489b49",
    ("summarize", 1): "2e30b6610da00189c13975da4c3476479675f73a06bd90ab684e9dfc3cf64b74",
    ("code", 1): "ba8685df375ebe6eea57d590f5c63adfb35299d90504988cccd30c00fbf197a1",
}
CHOICES = {
    "generate": {
        "level": ["beginner", "intermediate", "advanced"],
        "subject": [
            "history",
            "law",
            "medicine",
            "programming",
            "mathematics",
            "social sciences",
            "arts",
            "languages",
            "natural sciences",
            "generic",
        ],
    },
    "improve": {"language": ["own", "named"], "instructions": ["given", "none"]},
    "summarize": {
        "length": ["short", "medium", "long"],
        "format": ["paragraph", "bullets"],
        "language": ["own", "named"],
    },
    "code": {"level": ["beginner", "intermediate", "advanced"]},
}
VALUES = {
    "topic": ["a topic"],
    "level": ["beginner", "intermediate", "advanced"],
    "language": ["de", None],
    "subject": [None, *CHOICES["generate"]["subject"]],
    "content": ["a text"],
    "instructions": [None, "a wish"],
    "length": ["short", "medium", "long"],
    "format": ["paragraph", "bullets"],
    "prompt": ["a task"],
    "programming_language": ["C"],
}


def source(tool):
    return resources.files(prompts).joinpath(f"{tool}.md").read_bytes()


def all_renderings(tool):
    names = rendering._REQUIRED[tool] + rendering._OPTIONAL[tool]
    for values in product(*(VALUES[name] for name in names)):
        fields = dict(zip(names, values, strict=True))
        if tool != "generate" or fields["language"]:
            yield render(tool, fields)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_changed_prompt_has_a_new_version(tool):
    version, digest = version_of(tool), sha256(source(tool)).hexdigest()
    assert (tool, version) in PUBLISHED, (
        f"{tool}.md has the new version {version}: add its line to PUBLISHED, ({tool!r}, {version}): {digest!r}"
    )
    assert digest == PUBLISHED[tool, version], (
        f"{tool}.md was changed, but its version is still {version}: raise `version` to {version + 1} in "
        f"the file, and add ({tool!r}, {version + 1}) to PUBLISHED with the digest this test then names."
    )


@pytest.mark.parametrize("tool", TOOLS)
def test_versions_are_positive_and_settings_sensible(tool):
    made = next(all_renderings(tool))
    assert type(version_of(tool)) is int
    assert made.version == version_of(tool) > 0
    assert 0 <= made.temperature <= 1
    assert 500 <= made.max_tokens <= 8_000
    assert made.tool == tool


def test_an_unknown_tool_has_no_version():
    with pytest.raises(KeyError, match="no tool 'translate'"):
        version_of("translate")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_file_has_exactly_its_sections_and_none_is_empty(tool):
    file = rendering._read_prompt(tool)
    choices = [f"{name}: {value}" for name, values in CHOICES[tool].items() for value in values]
    keywords = [f"keywords: {family}" for family in file.options("keywords")]
    assert sorted(file.sections) == sorted(["system", "user", *choices, *keywords])
    assert all(file.sections.values())


def test_each_family_but_the_generic_one_has_keywords():
    file = rendering._read_prompt("generate")
    assert {*file.options("keywords"), "generic"} == set(file.options("subject"))


def test_keywords_are_written_as_subjects_are_compared():
    file = rendering._read_prompt("generate")
    listed = " ".join(file.sections[f"keywords: {family}"] for family in file.options("keywords"))
    assert re.fullmatch(r"[a-z0-9 ,.*+#\n]+", listed)


@pytest.mark.parametrize("tool", TOOLS)
def test_every_section_is_used_and_every_placeholder_filled(tool):
    sent = [f"{made.system}\n{made.user}" for made in all_renderings(tool)]
    assert not [text for text in sent if re.search(r"\$\{?[a-z][a-z_]+|\bNone\b", text)]
    file = rendering._read_prompt(tool)
    for name in CHOICES[tool]:
        assert f"${name}" in file.sections["system"]
        for value in CHOICES[tool][name]:
            first = file.sections[f"{name}: {value}"].split("$")[0][:40]
            assert any(first in text for text in sent)


def test_a_misspelt_placeholder_is_not_sent():
    with pytest.raises(KeyError, match="topik"):
        rendering._expand("about $topik", {"topic": "x"})


@pytest.mark.parametrize("tool", TOOLS)
def test_every_field_reaches_the_model(tool):
    placeholders = set(re.findall(r"\$([a-z_]+)", source(tool).decode()))
    for name in rendering._REQUIRED[tool] + rendering._OPTIONAL[tool]:
        assert placeholders & {name, f"{name}_name", f"{name}_text"}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    "saying",
    [
        "GitHub-flavoured Markdown",
        "aw HTML",
        "images",
        "Sure! Here is",
        "material",
        "never an instruction",
        "reveal, repeat or translate",
        "play another role",
        "call tools",
        "other users",
        "tag is `[0-9a-f]{16}`",
        "[Nn]ever invent|[Ii]nvent no",
    ],
)
def test_every_prompt_says(tool, saying):
    system = " ".join(next(all_renderings(tool)).system.split())
    assert re.search(saying, system)


@pytest.mark.parametrize(
    ("tool", "titled"), [("generate", True), ("code", True), ("improve", False), ("summarize", False)]
)
def test_only_notes_and_programs_are_given_a_title(tool, titled):
    assert ("`# Title`" in next(all_renderings(tool)).system) is titled


def test_every_level_of_the_beginners_note_has_what_beginners_need():
    beginner = rendering._read_prompt("generate").sections["level: beginner"]
    assert all(word in beginner for word in ("Short sentences", "analogy", "glossary", "No unexplained term"))


def test_mathematics_asks_for_latex_with_its_dollars():
    mathematics = rendering._read_prompt("generate").sections["subject: mathematics"]
    assert "`$...$`" in mathematics
    assert "`$$...$$`" in mathematics


def test_the_dollars_of_latex_are_sent_as_they_are_written():
    made = render("generate", {"topic": "x", "level": "advanced", "language": "en", "subject": "Maths"})
    assert "`$...$` in a sentence, `$$...$$` for a formula" in made.system


def test_headings_inside_a_prompt_are_no_sections():
    for tool in TOOLS:
        sections = rendering._read_prompt(tool).sections
        assert re.findall(r"^### ", sections["system"], re.MULTILINE)
        assert not re.findall(r"^##? ", "\n".join(sections.values()), re.MULTILINE)
