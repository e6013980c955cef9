"""What a process tree has used, its dead and reaped members included."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from bench.errors import BenchError
from bench.processes import Process, cpu_seconds, parse_roots, process_tree, tree_memory

BURN = """
import time
while time.process_time() < {seconds}:
    pass
"""
PARENT_OF_A_REAPED_CHILD = """
import subprocess, sys
subprocess.run([sys.executable, "-c", {child!r}], check=True)
print("ready", flush=True)
sys.stdin.read()
"""
PARENT_OF_A_LIVING_CHILD = """
import subprocess, sys
with subprocess.Popen([sys.executable, "-c", {child!r}], stdin=subprocess.PIPE):
    sys.stdin.read()
"""
WAITING = """
print("ready", flush=True)
import sys
sys.stdin.read()
"""
# Half a second was used; what the kernel tells is whole ticks, rounded down for each field.
USED = 0.45
StartScript = Callable[[str], int]


@pytest.fixture
def start() -> Iterator[StartScript]:
    """Run scripts until they say that they are ready; they live until the test ends."""
    started: list[subprocess.Popen[bytes]] = []

    def run(script: str) -> int:
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process.pid

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_a_child_that_died_and_was_reaped_still_counts(start: StartScript) -> None:
    root = start(PARENT_OF_A_REAPED_CHILD.format(child=BURN.format(seconds=0.5)))

    assert [process.pid for process in process_tree(root)] == [root]
    assert cpu_seconds(root) >= USED


def test_a_living_child_counts(start: StartScript) -> None:
    child = BURN.format(seconds=0.5) + WAITING
    root = start(PARENT_OF_A_LIVING_CHILD.format(child=child))

    assert len(process_tree(root)) == 2
    assert cpu_seconds(root) >= USED


def test_a_process_of_another_tree_does_not_count(start: StartScript) -> None:
    start(BURN.format(seconds=0.5) + WAITING)
    root = start(WAITING)

    assert cpu_seconds(root) < 0.4


def test_a_grandchild_belongs_to_the_tree_and_a_sibling_does_not() -> None:
    table = {pid: Process(pid, parent, 1.0) for pid, parent in ((2, 1), (3, 2), (4, 3), (5, 1), (1, 0))}

    assert [process.pid for process in process_tree(2, table)] == [2, 3, 4]
    assert cpu_seconds(2, table) == 3.0


def test_a_root_that_is_gone_is_an_error_and_not_zero() -> None:
    with pytest.raises(BenchError, match="Process 77 is gone"):
        process_tree(77, {})


def test_memory_is_read_for_each_process_of_the_tree(start: StartScript) -> None:
    root = start(PARENT_OF_A_LIVING_CHILD.format(child=WAITING))

    memory = tree_memory(root)

    assert len(memory) == 2
    assert all(0 < process.pss_mb <= process.rss_mb < 200 for process in memory)
    assert sys.executable in memory[0].command


def test_root_processes_are_read_from_pairs() -> None:
    assert parse_roots("app=12,postgres=34") == {"app": 12, "postgres": 34}
    assert parse_roots("") == {}


@pytest.mark.parametrize("text", ["12", "app=", "app=x", "=12"])
def test_a_pair_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BenchError, match="is not ROLE=PID"):
        parse_roots(text)
