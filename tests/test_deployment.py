"""The files for deployment name only what there is: settings, commands, services, files and pinned images."""

import configparser
import re
import shlex
from pathlib import Path

import pytest
import yaml

from noteassist.cli import main
from noteassist.config import Settings, declared_settings
from tests.test_documentation import commands

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SANDBOX = yaml.safe_load((ROOT / "deploy/compose.sandbox.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
SETTINGS = {declared.metadata["variable"] for declared in declared_settings()}
# What is read by others: the database's image.
OTHERS = {"POSTGRES_PASSWORD"}
EXAMPLE = dict(re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
PINNED = re.compile(r"[a-z]+:\d+\.\d+(\.\d+)?-[a-z-]+")
UNITS = sorted((ROOT / "deploy/systemd").iterdir())


def known_command(words):
    """Say whether `noteassist ...` begins with a command that there is."""
    typed = " ".join(words)
    return any(typed == known or typed.startswith(f"{known} ") for known in commands(main))


def test_our_services_set_only_settings_that_there_are():
    assert set(OURS) == {"web", "worker", "migrate"}
    for service in OURS.values():
        assert set(service["environment"]) <= SETTINGS
    assert set(SANDBOX["services"]["web"]["environment"]) <= SETTINGS


def test_the_example_has_every_variable_that_is_needed_and_no_unknown_one():
    asked = set(re.findall(r"\$\{([A-Z_]+)[:}]", (ROOT / "docker-compose.yml").read_text()))
    assert asked <= set(EXAMPLE)
    assert set(EXAMPLE) <= SETTINGS | OTHERS


def test_the_example_holds_no_secret():
    secret = {
        declared.metadata["variable"] for declared in declared_settings() if declared.metadata["secret"]
    }
    assert {name: EXAMPLE[name] for name in (secret | OTHERS) & set(EXAMPLE) if EXAMPLE[name]} == {}


def test_the_example_filled_in_is_a_configuration_for_production(tmp_path):
    filled = EXAMPLE | {
        "PUBLIC_URL": "https://notes.example.org",
        "SECRET_KEY": "0123456789abcdef" * 4,
        "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "POSTGRES_PASSWORD": "0123456789abcdef",
    }
    for service in OURS.values():
        environment = {name: with_values(value, filled) for name, value in service["environment"].items()}
        settings = Settings.from_env(filled | environment | {"INSTANCE_DIR": str(tmp_path)})
        assert settings.environment == "production"
        assert settings.web_processes == 2
        assert "${" not in settings.database_url


def with_values(text, values):
    """Fill in `${NAME:-default}` and `${NAME:?message}` as Compose does."""
    return re.sub(
        r"\$\{([A-Z_]+):([-?])([^}]*)\}",
        lambda found: values.get(found[1]) or (found[3] if found[2] == "-" else ""),
        text,
    )


def test_our_services_and_the_image_run_commands_that_there_are():
    [shown] = re.findall(r"^CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for command in (yaml.safe_load(shown), *(service["command"] for service in OURS.values())):
        assert known_command(command)


def test_every_image_is_pinned_and_has_no_host():
    images = [service["image"] for service in SERVICES.values() if "build" not in service]
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert len(images) == 4 and len(bases) == 2
    for image in (*images, *bases):
        assert PINNED.fullmatch(image), image


def test_services_wait_for_what_they_need_and_are_stopped_in_time():
    for name, service in SERVICES.items():
        for needed, rule in service.get("depends_on", {}).items():
            assert rule["condition"] in {"service_healthy", "service_completed_successfully"}
            healthy = "build" in SERVICES[needed] or "healthcheck" in SERVICES[needed]
            assert healthy, f"{name} waits for {needed}"
    # The server and the worker end by themselves within 30 s.
    assert {OURS[name]["stop_grace_period"] for name in ("web", "worker")} == {"40s"}


def test_only_the_proxy_is_reached_from_outside_and_shares_its_network_with_the_server_alone():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert {name for name, service in SERVICES.items() if "front" in service["networks"]} == {"proxy", "web"}
    [front] = COMPOSE["networks"]["front"]["ipam"]["config"]
    assert OURS["web"]["environment"]["TRUSTED_PROXIES"] == front["subnet"]
    assert COMPOSE["networks"]["back"]["internal"] is True


def test_the_queue_keeps_everything_and_the_state_nothing():
    queue, state = (" ".join(SERVICES[name]["command"]) for name in ("redis-queue", "redis-state"))
    assert "--appendonly yes" in queue and "noeviction" in queue
    assert "--appendonly no" in state and "allkeys-lru" in state
    assert OURS["web"]["environment"]["QUEUE_REDIS_URL"] == "redis://redis-queue:6379/0"
    assert OURS["web"]["environment"]["REDIS_URL"] == "redis://redis-state:6379/0"


def test_our_containers_have_no_rights_and_a_disk_that_cannot_be_written():
    for service in OURS.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
    assert re.search(r"^USER 10001", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_every_file_that_is_mounted_or_copied_is_there():
    mounted = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    named = [source for source in mounted if not source.startswith(".")]
    assert set(named) <= set(COMPOSE["volumes"])
    files = [source for source in mounted if source.startswith(".")]
    files += [
        option.partition("=")[2] for option in SANDBOX["services"]["web"]["security_opt"] if "./" in option
    ]
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = [source for line in copied for source in line.split()]
    for path in (*files, *sources):
        assert (ROOT / path).exists(), path
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(sources) == sent


def test_the_proxy_knows_every_event_stream(migrated_app):
    served = (ROOT / "deploy/Caddyfile").read_text()
    [streams] = re.findall(r"@streams path (.*)", served)
    for rule in migrated_app.url_map.iter_rules():
        if rule.rule.endswith(("/events/", "/stream/")):
            assert re.sub(r"<[^>]*>", "*", rule.rule) in streams.split(), rule.rule


def test_the_document_tells_of_commands_that_there_are():
    typed = re.findall(
        r"(?:`|/| )noteassist (?!noteassist)((?:[a-z][a-z-]+ ?){1,2})",
        (ROOT / "docs/deployment.md").read_text(),
    )
    assert len(typed) > 10
    known = {words for command in commands(main) for words in (command, command.rpartition(" ")[0])}
    for words in typed:
        assert f"noteassist {words.split()[0]}" in known, words


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_the_units_parse_and_start_commands_that_there_are(path):
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read_string(path.read_text())
    assert "Description" in parser["Unit"]
    if path.suffix == ".service":
        words = shlex.split(parser["Service"]["ExecStart"].replace("exec ", ""))
        typed = words[-1] if words[0] == "/bin/sh" else " ".join(words)
        assert known_command(typed.removeprefix("/opt/noteassist/bin/").split()), typed
