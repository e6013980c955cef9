"""`noteassist keys`, and the setting it is about."""

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import insert

from noteassist import db
from noteassist.app import NoteAssist, create_app
from noteassist.config import BadConfiguration, Settings
from noteassist.models import DriveRevocation
from noteassist.security import encryption
from noteassist.services.drive.connections import REVOCATION
from tests.cli.test_commands import run  # noqa: F401  # a fixture
from tests.conftest import let_go, make_settings

GOOGLE = {"GOOGLE_CLIENT_ID": "id", "GOOGLE_CLIENT_SECRET": "secret"}
PRODUCTION = {
    "NOTEASSIST_ENV": "production",
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz",
    "PUBLIC_URL": "https://notes.example.org",
    "DATABASE_URL": "postgresql://localhost/notes",
}


def new_key() -> str:
    """Make a key."""
    return Fernet.generate_key().decode()


def problems(tmp_path, **environ):
    """Give what is wrong with an environment."""
    with pytest.raises(BadConfiguration) as raised:
        Settings.from_env({"INSTANCE_DIR": str(tmp_path), **environ})
    return raised.value.problems


def test_a_new_key_is_one(run):  # noqa: F811
    status, said = run("keys", "new")
    assert status == 0
    Fernet(said.strip())


def keep_secret(folder, keys) -> NoteAssist:
    """Keep a secret in the database of an instance."""
    app = create_app(make_settings(folder, ""))
    with app.app_context(), db.transaction():
        sealed = encryption.encrypt(keys, "1//secret", REVOCATION)
        db.execute(insert(DriveRevocation).values(refresh_token=sealed, created_at=db.utcnow()))
    return app


def test_rotating_says_what_was_done_and_fails_for_what_it_cannot_read(run, tmp_path):  # noqa: F811
    old, new = new_key(), new_key()
    assert run("db", "upgrade")[0] == 0
    app = keep_secret(tmp_path / "instance", (old,))
    assert run("keys", "rotate", ENCRYPTION_KEYS=f"{new},{old}") == (
        0,
        "1 encrypted anew, 0 had the first key, 0 unreadable.\n",
    )
    assert run("keys", "rotate", ENCRYPTION_KEYS=new)[1].startswith("0 encrypted anew, 1 had")
    status, said = run("keys", "rotate", ENCRYPTION_KEYS=old)
    assert (status, "1 unreadable" in said) == (1, True)
    with app.app_context():
        [row] = db.read_rows(db.db.select(DriveRevocation.refresh_token))
        assert encryption.decrypt((new,), row.refresh_token, REVOCATION) == "1//secret"
        let_go()


def test_without_keys_there_is_nothing_to_rotate(run):  # noqa: F811
    assert run("keys", "rotate", **PRODUCTION)[0] == 1


def test_a_key_is_generated_once_outside_production(tmp_path):
    read = [Settings.from_env({"INSTANCE_DIR": str(tmp_path)}) for _ in range(2)]
    assert read[0].encryption_keys == read[1].encryption_keys
    Fernet(read[0].encryption_keys[0])
    assert (tmp_path / "encryption_key").stat().st_mode & 0o777 == 0o600


def test_production_starts_without_keys_and_generates_none(tmp_path):
    assert Settings.from_env({"INSTANCE_DIR": str(tmp_path), **PRODUCTION}).encryption_keys == ()
    assert list(tmp_path.iterdir()) == []


def test_production_needs_keys_for_drive(tmp_path):
    found = problems(tmp_path, **PRODUCTION, **GOOGLE)
    assert found == ["ENCRYPTION_KEYS is required in production for Google Drive"]


@pytest.mark.parametrize("half", GOOGLE)
def test_half_a_client_is_refused(tmp_path, half):
    found = problems(tmp_path, **{half: "x"})
    assert found == ["GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET are needed together"]


@pytest.mark.parametrize("wrong", ["x", "a" * 43, "é" * 44, f"{'A' * 43}=,short"])
def test_what_is_no_key_is_refused_and_not_shown(tmp_path, wrong):
    [problem] = problems(tmp_path, ENCRYPTION_KEYS=wrong)
    assert problem.startswith("ENCRYPTION_KEYS=******** has no Fernet key at place")
    assert wrong not in problem
