"""Programs that attack the sandbox: nothing is reached, limits hold, and nothing stays behind."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from noteassist.services.sandbox.running import Outcome
from tests.services.sandbox.attacks import Attack, run_together, things_of_the_host
from tests.services.sandbox.attacks_limits import MEMORY, OUTPUT, TIMES
from tests.services.sandbox.attacks_outside import FILES, NETWORK
from tests.services.sandbox.attacks_rights import PROCESSES, RIGHTS
from tests.services.sandbox.users import USERS

pytestmark = pytest.mark.needs_sandbox

OUTSIDE = (*NETWORK, *FILES, *RIGHTS)
HARMLESS = [attack for attack in OUTSIDE if attack.is_harmless]
OTHERS = [attack for attack in OUTSIDE if not attack.is_harmless]


@pytest.fixture(scope="module")
def host() -> Iterator[dict[str, object]]:
    """Give what lies about on the host."""
    with things_of_the_host() as things:
        yield things


def running(word: str) -> list[str]:
    """List the processes of this machine that have this word in their command."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:
            continue
        if word.encode() in command.split(b"\0"):
            found.append(str(path))
    return found


@pytest.mark.parametrize("user", list(USERS))
def test_nothing_outside_is_reached_and_no_right_is_had(host: dict[str, object], user: str) -> None:
    def attack_all() -> Outcome:
        found, said = run_together(HARMLESS, host)
        return replace(found, stdout=json.dumps(said))

    found = USERS[user](attack_all)
    told = json.loads(found.stdout)
    assert told == {attack.what: attack.prints for attack in HARMLESS}, found.stderr
    assert (found.exit_code, found.stopped_by) == (0, None)


@pytest.mark.parametrize("user", list(USERS))
@pytest.mark.parametrize(
    "attack", [*OTHERS, *PROCESSES, *MEMORY, *TIMES, *OUTPUT], ids=lambda attack: attack.what
)
def test_it_gets_nowhere(host: dict[str, object], attack: Attack, user: str) -> None:
    found = USERS[user](lambda: attack.run(host))
    assert attack.fault(found) == ""
    assert len(found.stdout) <= attack.limits.output_bytes and len(found.stderr) <= attack.limits.output_bytes
    assert found.duration_ms < (attack.limits.wall_seconds + 4) * 1000


@pytest.mark.parametrize("user", list(USERS))
def test_children_that_were_left_to_themselves_end_with_it(host: dict[str, object], user: str) -> None:
    [attack] = [one for one in PROCESSES if "follower" in one.code]
    USERS[user](lambda: attack.run(host))
    assert running(str(host["follower"])) == []
