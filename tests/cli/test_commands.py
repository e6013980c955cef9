"""The command line, as a person uses it."""

import os
import subprocess
import sys

import pytest

from noteassist.schema import known_revision
from tests.live import LiveServer

PASSWORD = "correct horse battery staple"


@pytest.fixture
def run(tmp_path):
    """Run `noteassist` in an empty instance; gives its exit status and what it said."""

    def run(*arguments, say="", **environment):
        environ = {
            name: value for name, value in os.environ.items() if not name.startswith(("TEST_", "DATABASE"))
        }
        environ |= {"INSTANCE_DIR": str(tmp_path / "instance"), **environment}
        command = [sys.executable, "-m", "noteassist.cli", *arguments]
        done = subprocess.run(
            command, env=environ, cwd=tmp_path, input=say, capture_output=True, text=True, timeout=60
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_help_lists_every_command(run):
    status, said = run("--help")
    assert status == 0
    for command in (
        "serve",
        "worker",
        "db",
        "create-admin",
        "reset-password",
        "config",
        "seed-demo",
        "verify",
    ):
        assert f"  {command} " in said


def test_config_masks_secrets_and_names_sources(run):
    secret = "0123456789abcdefghijklmnopqrstuvwxyz"
    status, said = run(
        "config", SECRET_KEY=secret, DATABASE_URL="postgresql://me:hunter2@db/notes", PORT="9000"
    )
    assert status == 0
    assert secret not in said
    assert "hunter2" not in said
    assert "PORT=9000  (environment)" in said
    assert "HOST=127.0.0.1  (default)" in said


def test_config_reports_every_problem_and_fails(run):
    status, said = run("config", PORT="http", WEB_THREADS="0")
    assert status == 2
    assert "PORT='http'" in said
    assert "WEB_THREADS='0'" in said


def test_create_admin_makes_an_account_and_promotes_an_existing_one(run):
    assert run("create-admin", "a@example.com", say=PASSWORD + "\n") == (
        0,
        "a@example.com is an administrator now.\n",
    )
    status, said = run("create-admin", "a@example.com")
    assert (status, "as it was" in said) == (0, True)


def test_create_admin_refuses_a_weak_password(run):
    status, said = run("create-admin", "a@example.com", say="short\n")
    assert (status, "10 to 128" in said) == (1, True)


def test_reset_password_sets_a_new_one_and_ends_the_sessions(run):
    run("create-admin", "a@example.com", say=PASSWORD + "\n")
    status, said = run("reset-password", "A@example.com", say="another harbour 78\n")
    assert (status, "signed out everywhere" in said) == (0, True)
    status, said = run("reset-password", "a@example.com", say="short\n")
    assert (status, "10 to 128" in said) == (1, True)
    status, said = run("reset-password", "b@example.com", say=PASSWORD + "\n")
    assert (status, "no account" in said) == (1, True)


def test_seed_demo_makes_an_account_once(run):
    status, said = run("seed-demo")
    assert status == 0
    assert "demo@example.com" in said
    assert "Password: " in said
    status, said = run("seed-demo")
    assert (status, "exists" in said) == (1, True)


def test_the_schema_goes_up_and_down(run):
    assert "empty" in run("db", "current")[1]
    assert run("db", "upgrade")[1] == f"The schema is at {known_revision()}.\n"
    assert run("db", "downgrade", "base")[1] == "The schema is at base.\n"


def test_verify_finds_that_everything_works_and_leaves_nothing(tmp_path, run):
    with LiveServer(tmp_path / "served") as server:
        status, said = run("verify", "--url", server.url)
    assert status == 0, said
    assert "failed" not in said
    assert "29 of 29 steps work" in said


def test_verify_fails_where_nobody_serves(run):
    status, said = run("verify", "--url", "http://127.0.0.1:1")
    assert status == 1
    assert "ConnectError" in said
