import html.parser
import shutil
import sqlite3
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noteassist.services.ai.offline import skeleton
from noteassist.services.ai.offline.naming import kind_of_input, name_of
from noteassist.services.ai.offline.skeletons import LEVELS, in_comment
from tests.services.ai_offline.material import HOSTILE, at_most, code_of, markdown, quick

LANGUAGES = (
    *("python", "javascript", "typescript", "java", "c", "cpp", "csharp", "go", "rust", "bash", "sql"),
    *("ruby", "php", "kotlin", "swift", "html", "r"),
)
TASKS = (
    "Write a function that sorts a list of numbers",
    "Count the vowels in a string",
    "Read a CSV file and print the totals",
    "compute the factorial of a number",
)
ATTACK = (
    "x */ } \n```\n --> <!-- ?> <?php echo 1 \"\"\" ''' $(echo hacked) `echo hacked` \\u000a \x00 \u2028 hacked() "
    "</script><script>hacked() ??/ --!> # coding: utf-7\r\u202e { static cast \\"
)
COMMANDS = {
    "python": ("main.py", sys.executable, "main.py"),
    "javascript": ("main.js", "node", "main.js"),
    "bash": ("main.sh", "bash", "main.sh"),
    "c": ("main.c", "sh", "-c", "gcc -std=c99 -Wall -Werror -o main main.c && ./main"),
}
PRESENT = [name for name in COMMANDS if shutil.which({"c": "gcc", "javascript": "node"}.get(name, "sh"))]


def make(prompt, programming_language, level="beginner", language="en"):
    return skeleton(prompt, programming_language=programming_language, level=level, language=language)


@pytest.mark.parametrize("prompt", [*TASKS, ATTACK], ids=["numbers", "text", "file", "number", "attack"])
@pytest.mark.parametrize("programming_language", PRESENT)
def test_a_skeleton_runs_as_it_is(programming_language, prompt, tmp_path):
    file, *command = COMMANDS[programming_language]
    level = LEVELS[len(prompt) % 3]
    (tmp_path / file).write_text(code_of(make(prompt, programming_language, level)), encoding="utf-8")
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.count("TODO ") == 1
    assert ran.stdout.count("ok ") == (2 if level == "advanced" else 1)
    assert "hacked" not in ran.stdout


@pytest.mark.parametrize("prompt", [*TASKS, ATTACK])
def test_a_query_skeleton_runs(prompt):
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(code_of(make(prompt, "sql", "advanced")))
    connection.close()


def test_a_page_skeleton_is_one_page_without_strangers_tags():
    tags = []
    parser = html.parser.HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.append(tag)
    parser.feed(code_of(make(ATTACK, "html")))
    assert tags == [
        "html",
        "head",
        "meta",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "h1",
        "section",
        "ul",
        "script",
    ]


@pytest.mark.parametrize("programming_language", LANGUAGES)
def test_each_language_has_a_template_that_is_filled_completely(programming_language):
    for prompt in (*TASKS, ATTACK):
        for level in LEVELS:
            code = code_of(make(prompt, programming_language, level))
            assert not any(f"@{word}@" in code for word in ("name", "task", "steps", "sample", "type"))
            assert "beginner|" not in code
            assert "advanced|" not in code
            assert "TODO 1" in code


@pytest.mark.parametrize("programming_language", LANGUAGES)
def test_strangers_words_stand_in_comments_only(programming_language):
    marks = ("#", "//", "--", "<!--")
    code = code_of(make("sort zebras by size */ \n evil", programming_language))
    lines = [line.strip() for line in code.split("\n") if "evil" in line]
    assert lines
    assert all(line.startswith(marks) for line in lines)


def test_another_language_gets_a_plan_in_comments():
    text = make("Sort a list", "COBOL 85`\n")
    assert "```cobol85\n" in text
    assert all(line.startswith("#") for line in code_of(text).split("\n") if line)


@pytest.mark.parametrize(
    ("alias", "name"),
    [("Python3", "python"), ("C++", "cpp"), ("c#", "csharp"), ("JS", "javascript"), ("", "text")],
)
def test_a_language_is_known_by_its_other_names(alias, name):
    assert f"\n```{name}\n" in make("sort", alias)


def test_the_levels_differ_in_what_is_explained():
    texts = [make(TASKS[0], "python", level) for level in LEVELS]
    assert len(set(texts)) == 3
    assert "# This is the function that you fill in." in texts[0]
    assert "# Cost:" in texts[2]
    assert "# Cost:" not in texts[0]


@pytest.mark.parametrize(
    ("prompt", "name", "kind"),
    [
        ("Write a function that sorts a list of numbers", "sort_numbers", "numbers"),
        ("Create a program for counting vowels in a string", "count_vowels", "text"),
        ("Read a CSV file and print the totals", "read_csv_file", "file"),
        ("Check whether a word is a palindrome", "check_word", "text"),
        ("binary search", "binary_search", "text"),
        ("fibonacci", "solve_fibonacci", "number"),
        ("print", "print_input", "text"),
        ("Schreibe eine Funktion, die Wörter zählt", "count_worter", "text"),
        ("二分探索を書いて", "solve_task", "text"),
        ("static cast", "solve_task", "text"),
    ],
)
def test_a_function_is_named_after_its_task(prompt, name, kind):
    assert "_".join(name_of(prompt)) == name
    assert kind_of_input(prompt) == kind


def test_the_fixed_words_follow_the_language():
    assert "## Nächste Schritte" in make("sort", "python", language="de")
    assert "# Tâche:" in make("sort", "python", language="fr-CA")
    assert "## Próximos pasos" in make("sort", "python", language="es")


def test_an_unknown_level_is_refused():
    with pytest.raises(ValueError, match="no level"):
        make("sort", "python", "expert")


@quick
@given(markdown)
def test_a_comment_is_one_line_that_nothing_ends(text):
    comment = in_comment(text)
    assert comment.isprintable() or not any(
        ord(character) < 32 or character in "\x85\u2028\u2029" for character in comment
    )
    assert not any(mark in comment for mark in ("*/", "/*", "--", "?>", "</", "`", "\\", "??"))


@quick
@given(
    prompt=markdown, programming_language=st.sampled_from(LANGUAGES) | markdown, level=st.sampled_from(LEVELS)
)
def test_any_prompt_gives_a_skeleton(prompt, programming_language, level):
    text = make(prompt, programming_language, level)
    assert text == make(prompt, programming_language, level)
    assert code_of(text)
    assert not text.endswith("\n")


@quick
@given(st.text(max_size=300), st.sampled_from(LEVELS))
def test_a_python_skeleton_for_any_prompt_compiles(prompt, level):
    compile(code_of(make(prompt, "python", level)).encode(), "main.py", "exec")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_prompt_becomes_a_skeleton_with_little_work(name):
    with at_most(cpu_seconds=3):
        assert make(HOSTILE[name], HOSTILE[name])
