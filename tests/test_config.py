"""Settings are read in one place, and refused together."""

import pytest

from noteassist.config import BadConfiguration, Settings, declared_settings

STRONG = "0123456789abcdefghijklmnopqrstuvwxyz"
PRODUCTION = {
    "NOTEASSIST_ENV": "production",
    "SECRET_KEY": STRONG,
    "PUBLIC_URL": "https://notes.example.org",
    "DATABASE_URL": "postgresql://localhost/notes",
}


def read(tmp_path, **environ):
    return Settings.from_env({"INSTANCE_DIR": str(tmp_path), **environ})


def problems(tmp_path, **environ):
    with pytest.raises(BadConfiguration) as raised:
        read(tmp_path, **environ)
    return raised.value.problems


def test_nothing_has_to_be_set(tmp_path):
    settings = read(tmp_path)
    assert settings.database_url == f"sqlite:///{tmp_path}/noteassist.db"
    assert settings.public_url == settings.frontend_url == "http://127.0.0.1:8000"
    assert len(settings.secret_key) >= 32


def test_a_generated_secret_is_private_and_stays_the_same(tmp_path):
    assert read(tmp_path).secret_key == read(tmp_path).secret_key
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["encryption_key", "secret_key"]


def test_of_many_first_starts_at_once_all_have_one_secret(tmp_path, in_parallel):
    settings = in_parallel([lambda: read(tmp_path)] * 20)
    assert len({each.secret_key for each in settings}) == 1


def test_every_problem_is_reported_at_once(tmp_path):
    found = problems(
        tmp_path, PORT="http", SIGNUP_OPEN="perhaps", REDIS_URL="memcached://x", WEB_PROCESSES="0"
    )
    assert [line.partition("=")[0] for line in found] == ["REDIS_URL", "PORT", "WEB_PROCESSES", "SIGNUP_OPEN"]


def test_a_secret_is_never_part_of_a_problem(tmp_path):
    assert "hunter2" not in str(problems(tmp_path, DATABASE_URL="mysql://me:hunter2@db/notes"))


@pytest.mark.parametrize("missing", ["SECRET_KEY", "PUBLIC_URL"])
def test_production_needs(tmp_path, missing):
    environ = {name: value for name, value in PRODUCTION.items() if name != missing}
    assert problems(tmp_path, **environ) == [f"{missing} is required in production"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "weak", ["short", "a" * 64, "change-me-change-me-change-me-change-me-1234", "12" * 20]
)
def test_a_weak_secret_is_refused(tmp_path, weak):
    [problem] = problems(tmp_path, **{**PRODUCTION, "SECRET_KEY": weak})
    assert problem.startswith("SECRET_KEY ")


def test_sqlite_with_several_processes_is_refused_everywhere(tmp_path):
    for environment in ("development", "testing"):
        found = problems(tmp_path, WEB_PROCESSES="2", NOTEASSIST_ENV=environment)
        assert found == [
            "WEB_PROCESSES > 1 needs PostgreSQL: set DATABASE_URL",
            "WEB_PROCESSES > 1 needs shared state: set REDIS_URL",
        ]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_means_psycopg(tmp_path, scheme):
    assert read(tmp_path, DATABASE_URL=f"{scheme}://db/notes").database_url == "postgresql+psycopg://db/notes"


@pytest.mark.parametrize(("word", "meaning"), [("1", True), ("no", False), ("ON", True), ("False", False)])
def test_switches_take_several_words(tmp_path, word, meaning):
    assert read(tmp_path, SIGNUP_OPEN=word).signup_open is meaning


def test_proxies_may_be_networks(tmp_path):
    proxies = read(tmp_path, TRUSTED_PROXIES="10.0.0.0/8, ::1").trusted_proxies
    assert [str(network) for network in proxies] == ["10.0.0.0/8", "::1/128"]


def test_an_origin_with_a_path_is_refused(tmp_path):
    assert problems(tmp_path, CORS_ORIGINS="https://a.example https://b.example/app")


def test_every_setting_says_what_it_means():
    assert all(declared.metadata["about"].endswith(".") for declared in declared_settings())


def test_settings_that_are_equal_are_remembered_as_one(tmp_path):
    one, other, different = (read(tmp_path, WEB_THREADS=number) for number in ("4", "4", "5"))
    assert len({one, other}) == 1 and len({one, different}) == 2
