"""The rules of the house, each as a test."""

import ast
import configparser
import re
from pathlib import Path

import pytest

from noteassist.blueprints import BLUEPRINTS
from noteassist.blueprints.console import CONSOLE
from noteassist.security import console, guards

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "noteassist").rglob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in SOURCES}
LAYERS_WITHOUT_HTTP = ("services", "models")
GUARDS = {
    guards.anyone,
    guards.signed_in,
    guards.in_person,
    guards.admin_only,
    console.at_console,
    console.admin_at_console,
}
HTTP_PACKAGES = {"flask", "flask_smorest", "marshmallow", "webargs", "werkzeug"}


def named(paths):
    return sorted(str(path.relative_to(ROOT)) for path in paths)


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_only_the_database_package_commits():
    committing = named(path for path in SOURCES if ".commit" in path.read_text())
    assert committing and all(name.startswith("noteassist/db/") for name in committing)


def test_services_and_models_know_no_http():
    inside = [
        path for path in SOURCES if path.relative_to(ROOT / "noteassist").parts[0] in LAYERS_WITHOUT_HTTP
    ]
    assert named(path for path in inside if HTTP_PACKAGES & set(imported(TREES[path]))) == []


def test_no_function_imports_anything():
    guilty = [
        path
        for path, tree in TREES.items()
        for function in functions(tree)
        if any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(function))
    ]
    assert named(guilty) == []


def test_blueprints_ask_no_database():
    pattern = re.compile(r"\bselect\(|db\.session|\bdb\.(rows|row|execute)\b|\.role\b")
    guilty = [
        path for path in (ROOT / "noteassist/blueprints").rglob("*.py") if pattern.search(path.read_text())
    ]
    assert named(guilty) == []


def test_nothing_aborts_by_hand():
    assert named(path for path in SOURCES if re.search(r"\babort\(", path.read_text())) == []


def test_the_environment_is_read_where_programs_start():
    reading = [path for path in SOURCES if "os.environ" in path.read_text()]
    allowed = {
        "noteassist/cli/environment.py",
        "noteassist/cli/serve.py",
        "noteassist/cli/worker.py",
        "noteassist/process.py",
        "noteassist/server.py",
        "noteassist/worker_process.py",
    }
    assert set(named(reading)) == allowed


def test_the_two_databases_differ_in_few_places_only():
    pattern = re.compile(r"is_postgresql\(|dialect\.name")
    guilty = named(path for path in SOURCES if pattern.search(path.read_text()))
    assert guilty == [
        "noteassist/connections.py",
        "noteassist/db/held.py",
        "noteassist/db/model.py",
        "noteassist/db/prepared.py",
        "noteassist/db/sql.py",
        "noteassist/db/transactions.py",
        "noteassist/db/whole.py",
        "noteassist/paging.py",
        "noteassist/services/ai/reserving.py",
        "noteassist/services/search/dialects.py",
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_has_at_most_400_lines_and_a_function_40(path):
    assert len(path.read_text().splitlines()) <= 400
    long = [f.name for f in functions(TREES[path]) if f.end_lineno - f.lineno + 1 > 40]
    assert long == []


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: path.name)
def test_a_test_file_has_at_most_400_lines(path):
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("blueprint", (*BLUEPRINTS, *CONSOLE), ids=lambda blueprint: blueprint.name)
def test_each_blueprint_names_its_guard(blueprint):
    assert blueprint.guard in GUARDS
    assert blueprint.guard in blueprint.before_request_funcs[None]


def test_only_these_routes_let_everybody_in(migrated_app):
    open_blueprints = {
        blueprint.name for blueprint in (*BLUEPRINTS, *CONSOLE) if blueprint.guard is guards.anyone
    }
    paths = {
        rule.rule
        for rule in migrated_app.url_map.iter_rules()
        if rule.endpoint.split(".")[0] in open_blueprints
    }
    assert sorted(paths) == [
        "/",
        "/admin/queue.css",
        "/admin/sign-in/",
        "/admin/style.css",
        "/api/auth/google/",
        "/api/auth/google/callback/",
        "/api/auth/google/otp/",
        "/api/auth/password/forgot/",
        "/api/auth/password/reset/",
        "/api/auth/register/",
        "/api/auth/token/",
        "/api/auth/token/refresh/",
        "/api/auth/verify-email/",
        "/api/docs/",
        "/api/docs/files/<name>",
        "/api/drive/callback/",
        "/api/openapi.json",
        "/api/token/",
        "/api/token/refresh/",
        "/healthz",
        "/metrics",
        "/readyz",
        "/reset-password",
        "/verify-email",
    ]


def test_no_route_body_has_more_than_five_statements():
    guilty = [
        f"{path.name}:{function.name}"
        for path in (ROOT / "noteassist/blueprints").rglob("*.py")
        for function in functions(TREES[path])
        if function.name in {"get", "post", "put", "patch", "delete"} and len(function.body) > 6
    ]
    assert guilty == []


def test_every_package_is_shipped():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    listed = set(parser["options"]["packages"].split()) - {
        "noteassist.migrations",
        "noteassist.migrations.versions",
    }
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in SOURCES if path.name == "__init__.py"}
    assert listed == found


def test_migrations_are_numbered_in_a_line_and_import_no_model():
    steps = sorted((ROOT / "migrations/versions").glob("[0-9]*.py"))
    numbers = [path.name[:4] for path in steps]
    assert numbers == [f"{number:04}" for number in range(1, len(steps) + 1)]
    assert [path for path in steps if "noteassist" in path.read_text()] == []


def test_lock_files_name_no_host_and_have_hashes():
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)
        assert text.count("==") <= text.count("--hash=")
