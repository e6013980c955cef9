"""What the benchmark accepts, and what it refuses to do."""

from pathlib import Path

import pytest

from bench.cases import CASES
from bench.errors import BenchError
from bench.options import SECTIONS, read_options


def test_without_arguments_everything_is_measured_without_a_peer() -> None:
    options = read_options([], {})

    assert options.only == SECTIONS
    assert options.peer is None
    assert options.shape.name == "200x50x4x5"
    assert options.growth.notes == 100_000


def test_quick_is_smaller_but_what_is_given_holds() -> None:
    options = read_options(["--quick", "--rounds", "7"], {})

    assert options.shape.users < 200
    assert options.rounds == 7


def test_sections_are_chosen_by_name() -> None:
    assert read_options(["--only", "list,detail"], {}).only == ("list", "detail")


def test_an_unknown_section_is_refused() -> None:
    with pytest.raises(BenchError, match="not lists"):
        read_options(["--only", "lists"], {})


@pytest.mark.parametrize("arguments", [["--rounds", "0"], ["--rounds", "51"], ["--seconds", "61"]])
def test_a_run_without_end_is_refused(arguments: list[str]) -> None:
    with pytest.raises(BenchError, match=arguments[0]):
        read_options(arguments, {})


def test_a_peer_is_read_from_the_environment(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("one\ntwo\n")

    peer = read_options(
        [],
        {
            "PEER": "http://127.0.0.1:8900/",
            "PEER_PIDS": "app=1",
            "PEER_TOKENS": str(tokens),
        },
    ).peer

    assert peer is not None
    assert (peer.port, peer.roots, peer.tokens) == (8900, {"app": 1}, ("one", "two"))


@pytest.mark.parametrize(
    "address",
    ["http://example.com:8000", "https://127.0.0.1:8000", "http://127.0.0.1:1/x"],
)
def test_a_peer_that_is_not_on_this_machine_is_refused(address: str) -> None:
    with pytest.raises(BenchError, match="only http://127.0.0.1:PORT"):
        read_options([], {"PEER": address})


def test_a_group_stands_for_its_sections() -> None:
    assert read_options(["--only", "table,list,start"], {}).only == (*CASES, "start")
    assert read_options(["--only", "performance"], {}).only == (*CASES, "ceilings", "growth", "memory")


@pytest.mark.parametrize(("given", "forms"), [("on", (True,)), ("off", (False,)), ("both", (True, False))])
def test_limits_are_on_or_off_or_first_on_and_then_off(given: str, forms: tuple[bool, ...]) -> None:
    assert read_options(["--limits", given], {}).limits == forms
    assert read_options([], {}).limits == (True, False)


def test_a_million_requests_are_watched_unless_it_is_said_otherwise() -> None:
    assert read_options([], {}).memory_requests == 1_000_000
    assert read_options(["--memory-requests", "5000"], {}).memory_requests == 5000


SERVERS = {"BENCH_DATABASE_URL": "postgresql://h/d", "BENCH_REDIS_URL": "redis://h/1"}
STARTED = {"PEER": "http://127.0.0.1:8900", "PEER_COMMAND": "serve it"}


def test_a_peer_may_be_started_by_a_command() -> None:
    peer = read_options([], STARTED | SERVERS).peer

    assert peer is not None
    assert (peer.port, peer.command) == (8900, "serve it")


def test_a_command_needs_a_port_to_serve_at() -> None:
    with pytest.raises(BenchError, match="PEER_COMMAND needs PEER="):
        read_options([], {"PEER_COMMAND": "serve it"})


@pytest.mark.parametrize(
    ("missing", "role"), [("BENCH_DATABASE_URL", "postgres"), ("BENCH_REDIS_URL", "redis")]
)
def test_whose_processor_time_a_started_peer_uses_has_to_be_known(missing: str, role: str) -> None:
    named = {name: url for name, url in SERVERS.items() if name != missing}
    with pytest.raises(BenchError, match=f"Name the {role} .*{missing}"):
        read_options([], STARTED | named)

    assert read_options([], STARTED | named | {"PEER_PIDS": f"{role}=7"}).peer is not None
