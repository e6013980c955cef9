"""Locust's file is right without Locust: it compiles, and what it asks for is there."""

import ast
from pathlib import Path

import pytest
from werkzeug.exceptions import MethodNotAllowed, NotFound

FILE = Path(__file__).parents[1] / "load/locustfile.py"
TREE = ast.parse(FILE.read_text(), FILE.name)
METHODS = {
    "LIST": ("GET", "POST"),
    "DETAIL": ("GET",),
    "GENERATE": ("POST",),
    "REGISTER": ("POST",),
}


def constants() -> dict[str, object]:
    """The constants at the file's top whose values stand there."""
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in TREE.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant | ast.Tuple)
    }


def test_it_compiles() -> None:
    compile(FILE.read_text(), FILE.name, "exec")


def test_every_path_that_it_asks_for_is_there(migrated_app) -> None:
    paths = {name: value for name, value in constants().items() if str(value).startswith("/api/")}
    assert paths.keys() == METHODS.keys()

    routes = migrated_app.url_map.bind("localhost")
    for name, path in paths.items():
        for method in METHODS[name]:
            try:
                routes.match(str(path).replace("{note_id}", "7"), method)
            except (NotFound, MethodNotAllowed) as error:
                pytest.fail(f"{method} {path}: {error}")


def test_its_users_do_3_2_1_and_think_for_1_to_3_seconds() -> None:
    (student,) = (node for node in TREE.body if isinstance(node, ast.ClassDef) and node.name == "Student")
    weights = {
        function.name: ast.literal_eval(function.decorator_list[0].args[0])
        for function in student.body
        if isinstance(function, ast.FunctionDef) and function.decorator_list
    }

    assert weights == {"read_list": 3, "read_detail": 2, "generate": 1}
    assert "wait_time = between(1, 3)" in FILE.read_text()
