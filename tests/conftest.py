"""Two real databases, people who use the server, and what tests look at."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import time_machine
from _pytest.nodeid import coerce_node_id
from flask import current_app
from sqlalchemy import text

from noteassist import db, schema
from noteassist.app import NoteAssist, create_app
from noteassist.config import Settings
from noteassist.errors import SandboxUnavailable
from noteassist.services.accounts import promote
from noteassist.services.sandbox import jail
from noteassist.services.sandbox.programs import Program, run_program
from noteassist.worker.crew import Crew
from noteassist.worker.runner import Runner
from tests import servers
from tests.people import ApiClient, Mailbox, do_all_due, register
from tests.plans import statements_sent

KINDS = ("sqlite", "postgresql")
HAS_BUBBLEWRAP = all(Path(path).exists() for path in jail.NEEDED)


def pytest_configure(config: pytest.Config) -> None:
    """Bring the servers."""
    servers.start_for_session(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take the servers away."""
    servers.stop_for_session(config)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Keep the tests of a group in one process: pytest-xdist 3.8 writes groups to where pytest 9.2 reads no more."""
    if not (hasattr(config, "workerinput") and config.getoption("loadgroup", False)):
        return
    for item in items:
        groups = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})
        if groups and "@" not in item.nodeid.rpartition("]")[2]:
            item._id = coerce_node_id(f"{item.nodeid}@{'_'.join(groups)}")  # type: ignore[attr-defined]


def pytest_report_header() -> str:
    """Say which state of the sandbox is tested."""
    return f"bubblewrap: {'here' if HAS_BUBBLEWRAP else 'not here; code must be refused'}"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Where bubblewrap is not installed, let each test that runs programs assert that none is run."""
    if HAS_BUBBLEWRAP or pyfuncitem.get_closest_marker("needs_sandbox") is None:
        return None
    settings = make_settings(pyfuncitem.config.rootpath, "sqlite:///:memory:")
    with pytest.raises(SandboxUnavailable):
        run_program(settings, Program(language="python", code="print(1)"))
    return True


def make_settings(folder: Path, database_url: str, **changes: Any) -> Settings:
    """Make settings for tests: cheap hashes, everything else as it is."""
    values: dict[str, Any] = {
        "environment": "testing",
        "secret_key": "a secret of the tests, 0123456789",
        "instance_dir": folder,
        "database_url": database_url,
        "password_memory_kib": 8,
        "database_pool_size": 30,
        "web_threads": 64,
        "worker_threads": 4,
        "ratelimit_enabled": False,
    }
    return Settings(**{**values, **changes}).completed()


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of an empty PostgreSQL database of this test process."""
    name = f"noteassist_test_{os.getpid()}"
    server = os.environ["TEST_DATABASE_URL"]
    url = servers.create_database(server, name)
    yield url.replace("postgresql://", "postgresql+psycopg://", 1)
    servers.drop_database(server, name)


def let_go() -> None:
    """Let go of all connections of the application whose context this is."""
    current_app.extensions["noteassist_freshness"].end()
    db.db.engine.dispose()
    db.direct().dispose()


@pytest.fixture(scope="session", params=KINDS)
def migrated_app(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NoteAssist]:
    """Give an application on a migrated database, once for each kind."""
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else ""
    app = create_app(make_settings(tmp_path_factory.mktemp("instance"), url))
    with app.app_context():
        schema.gate().prepare()
    yield app
    with app.app_context():
        let_go()


@pytest.fixture
def app(migrated_app: NoteAssist) -> NoteAssist:
    """Give the application on an empty database."""
    with migrated_app.app_context(), db.transaction():
        for table in ("tasks", "users", "outbox_mails", "ai_gates", "ai_usage_daily", "ai_calls_daily"):
            db.execute(text(f"DELETE FROM {table}"))
    return migrated_app


@pytest.fixture
def settings(app: NoteAssist) -> Settings:
    """Give the application's settings."""
    found: Settings = app.config["SETTINGS"]
    return found


@pytest.fixture
def context(app: NoteAssist) -> Iterator[None]:
    """Run the test within the application's context."""
    with app.app_context():
        yield


@pytest.fixture
def anonymous(app: NoteAssist) -> ApiClient:
    """Give a client that is not signed in."""
    return ApiClient(app)


@pytest.fixture
def sign_up(app: NoteAssist) -> Callable[..., ApiClient]:
    """Register an account; gives its client."""
    return lambda **account: register(app, **account)


@pytest.fixture
def sign_in(app: NoteAssist) -> Callable[[str, str], ApiClient]:
    """Open another session of an account; gives its client."""
    return lambda email, password: ApiClient.signed_in(app, email, password)


@pytest.fixture
def alice(app: NoteAssist) -> ApiClient:
    """Alice, who owns things."""
    return register(app, email="alice@example.com", name="Alice")


@pytest.fixture
def bob(app: NoteAssist) -> ApiClient:
    """Bob, a stranger to Alice."""
    return register(app, email="bob@example.com", name="Bob")


@pytest.fixture
def carol(app: NoteAssist) -> ApiClient:
    """Carol, another stranger."""
    return register(app, email="carol@example.com", name="Carol")


@pytest.fixture
def root(app: NoteAssist) -> ApiClient:
    """Root, who administers."""
    client = register(app, email="root@example.com", name="Root")
    with app.app_context():
        assert promote("root@example.com")
    return client


@pytest.fixture
def mailbox(app: NoteAssist, tmp_path: Path) -> Mailbox:
    """Give all mail, which is delivered when somebody looks."""
    return Mailbox(app, tmp_path / "outbox")


@pytest.fixture
def mails(mailbox: Mailbox) -> Callable[[str], list[Any]]:
    """Give the mails to an address, oldest first."""
    return mailbox.to


@pytest.fixture
def mail_token(mailbox: Mailbox) -> Callable[[str], str]:
    """Give the token in the newest mail to an address."""
    return mailbox.token


@pytest.fixture
def note_tree() -> Callable[..., dict[str, Any]]:
    """Make the body of a note with everything in it."""

    def make(chapters: int = 2, topics: int = 2, title: str = "A note") -> dict[str, Any]:
        return {
            "title": title,
            "chapters": [
                {
                    "title": f"Chapter {c}",
                    "topics": [topic_tree(f"Topic {c}.{t}") for t in range(1, topics + 1)],
                }
                for c in range(1, chapters + 1)
            ],
        }

    return make


def topic_tree(name: str) -> dict[str, Any]:
    """Make the body of a topic with all its parts."""
    return {
        "name": name,
        "explanation": {"content": f"# {name}\n\nWhat it means."},
        "code_snippet": {"language": "python", "code": "print('hello')\n"},
        "source": {"title": "A book", "url": "https://example.org/book"},
    }


@pytest.fixture
def in_parallel() -> Callable[[Sequence[Callable[[], Any]]], list[Any]]:
    """Run functions in threads at once; gives their results in order."""

    def run(functions: Sequence[Callable[[], Any]]) -> list[Any]:
        with ThreadPoolExecutor(len(functions)) as executor:
            return [future.result(60) for future in [executor.submit(function) for function in functions]]

    return run


@pytest.fixture
def move_clock() -> Iterator[Callable[[float], None]]:
    """Move the clock of this process forward."""
    with time_machine.travel(db.utcnow(), tick=True) as traveller:
        yield lambda seconds: traveller.shift(seconds)


@pytest.fixture
def statements(app: NoteAssist) -> Iterator[list[str]]:
    """Collect the SQL statements that are sent from now on."""
    with app.app_context(), statements_sent(lambda statement, _: statement) as sent:
        yield sent


@pytest.fixture
def do_tasks(app: NoteAssist) -> Callable[[], int]:
    """Do every task that is due, one after the other; gives their number."""
    return lambda: do_all_due(Runner(app, app.config["SETTINGS"]))


@pytest.fixture
def crew(app: NoteAssist) -> Iterator[Crew]:
    """Let a crew of threads work during the test."""
    working = Crew(app, app.config["SETTINGS"])
    working.start()
    yield working
    working.drain(5)
