"""Child processes with limits: what happens in one stays in it."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from noteassist.children import (
    TASKS,
    ChildFailed,
    ChildOutOfMemory,
    ChildTimedOut,
    Pool,
    Refused,
    Task,
    call,
)
from noteassist.errors import ServerBusy

PROGRAM = """
import os, sys
from noteassist.children import Pool, Task, pool
made = pool._pools["t"] = Pool(Task(function="tests.child_functions:" + sys.argv[1], memory_mb=512, file_mb=1))
"""


@pytest.fixture
def pool_of():
    made = []

    def make(function, **options):
        options = {"memory_mb": 512} | options
        made.append(Pool(Task(function=f"tests.child_functions:{function}", **options)))
        return made[-1]

    yield make
    for pool in made:
        pool.close()


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def program(text, *arguments):
    """Start a Python program of its own that uses children."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM + text, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("size", [0, 1, 65_536, 20_000_000])
def test_bytes_go_in_and_come_out(pool_of, size):
    payload = os.urandom(size)
    assert pool_of("echo").call(payload, seconds=20) == payload


def test_a_child_is_used_again(pool_of):
    pool = pool_of("who")
    assert len({pool.call(b"", seconds=5) for _ in range(5)}) == 1


def test_a_child_is_replaced_after_so_many_calls_and_then_gone(pool_of):
    pool = pool_of("who", calls=2)
    pids = [pool.call(b"", seconds=5) for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]
    assert not is_alive(int(pids[0]))


def test_a_child_without_work_is_replaced(pool_of):
    pool = pool_of("who", idle_seconds=0.2)
    first = pool.call(b"", seconds=5)
    time.sleep(0.3)
    assert pool.call(b"", seconds=5) != first


def test_threads_use_so_many_children_at_once_and_wait_for_them(pool_of):
    pool = pool_of("wait", processes=3)
    with ThreadPoolExecutor(12) as threads:
        pids = set(threads.map(lambda _: pool.call(b"0.1", seconds=5), range(12)))
    assert 2 <= len(pids) <= 3


def test_each_of_many_threads_gets_its_own_answer(pool_of):
    pool = pool_of("echo")
    texts = [str(number).encode() * 1000 for number in range(200)]
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(lambda text: pool.call(text, seconds=5), texts)) == texts


def test_who_waits_too_long_for_a_child_is_told(pool_of):
    pool = pool_of("wait", processes=1)
    pool.call(b"0", seconds=5)
    busy = threading.Thread(target=lambda: pool.call(b"1", seconds=5))
    busy.start()
    wait_for(lambda: pool._busy)
    with pytest.raises(ServerBusy):
        pool.call(b"0", seconds=5, wait_seconds=0.05)
    busy.join()
    assert pool.call(b"0", seconds=5)


def test_a_refusal_travels_and_the_child_stays(pool_of):
    pool = pool_of("refuse")
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            pool.call("zu groß".encode(), seconds=5)
        assert (refused.value.code, refused.value.detail) == ("not_good", "zu groß")
    assert len(pool._idle) == 1


def test_an_error_is_named_without_what_the_input_says(pool_of):
    with pytest.raises(
        ChildFailed, match=r"^tests\.child_functions:fail: ValueError in child_functions\.py:\d+$"
    ):
        pool_of("fail").call(b"a secret", seconds=5)


def test_a_function_that_is_not_there_is_told(pool_of):
    with pytest.raises(ChildFailed, match="AttributeError"):
        pool_of("no_such_function").call(b"", seconds=5)


def test_what_is_printed_does_not_get_between_the_answers(pool_of):
    assert pool_of("say").call(b"answer", seconds=5) == b"answer"


@pytest.mark.parametrize("number", [1, 2])
def test_a_crash_is_told_and_the_next_call_gets_a_new_child(pool_of, number):
    pool = pool_of("crash")
    for _ in range(number):
        with pytest.raises(ChildFailed, match=f"ended with status -{int(signal.SIGSEGV)}"):
            pool.call(b"", seconds=5)
    assert pool._idle == []


def test_a_child_that_died_while_it_had_no_work_is_not_noticed(pool_of):
    pool = pool_of("who")
    first = int(pool.call(b"", seconds=5))
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not is_alive(first))
    assert int(pool.call(b"", seconds=5)) != first


def test_an_endless_loop_is_ended(pool_of, tmp_path):
    place = tmp_path / "pid"
    with pytest.raises(ChildTimedOut):
        pool_of("loop", file_mb=1).call(str(place).encode(), seconds=0.5)
    assert not is_alive(int(place.read_text()))


def test_what_a_child_started_is_ended_with_it(pool_of, tmp_path):
    place = tmp_path / "pid"
    with pytest.raises(ChildTimedOut):
        pool_of("have_a_child", file_mb=1).call(str(place).encode(), seconds=0.5)
    wait_for(lambda: not is_alive(int(place.read_text())))


def test_a_child_has_so_much_memory_and_no_more(pool_of):
    pool = pool_of("eat", memory_mb=256)
    assert len(pool.call(b"1000", seconds=5)) == 1000
    with pytest.raises(ChildOutOfMemory):
        pool.call(b"300000000", seconds=5)
    assert len(pool.call(b"1000", seconds=5)) == 1000


def test_an_answer_has_a_longest_length(pool_of):
    pool = pool_of("eat", answer_mb=1)
    assert len(pool.call(b"1048576", seconds=5)) == 1_048_576
    with pytest.raises(ChildFailed, match="the answer is too long"):
        pool.call(b"1048577", seconds=5)


def test_a_child_writes_no_file_unless_it_may(pool_of, tmp_path):
    place = tmp_path / "file"
    assert pool_of("write").call(str(place).encode(), seconds=5) == b"File too large"
    assert place.read_bytes() == b""
    assert pool_of("write", file_mb=1).call(str(place).encode(), seconds=5) == b"written"


def test_a_child_knows_nothing_of_the_servers_environment(pool_of, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "a secret")
    seen = json.loads(pool_of("environment").call(b"", seconds=5))
    assert set(seen) <= {"PYTHONPATH", "LANG", "LC_CTYPE", "MALLOC_ARENA_MAX", "RAYON_NUM_THREADS"}


def test_a_child_has_no_network_where_the_kernel_lets_it_do_without(pool_of):
    attempts = (["unshare", "-n", "true"], ["unshare", "-U", "-n", "true"])
    may_leave = any(subprocess.run(attempt, capture_output=True).returncode == 0 for attempt in attempts)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        socket.create_connection(("127.0.0.1", port)).close()
        assert pool_of("connect").call(str(port).encode(), seconds=5) == (b"no" if may_leave else b"yes")


@pytest.mark.parametrize("function", ["wait", "loop"])
def test_a_child_dies_with_its_parent_even_while_it_works(tmp_path, function):
    place = tmp_path / "pid"
    text = """
if sys.argv[1] == "wait":
    open(sys.argv[2], "wb").write(made.call(b"0", seconds=5))
    made.call(b"60", seconds=100)
made.call(sys.argv[2].encode(), seconds=100)
"""
    with program(text, function, place) as parent:
        wait_for(lambda: place.exists() and place.read_text())
        child = int(place.read_text())
        assert is_alive(child)
        parent.kill()
        wait_for(lambda: not is_alive(child))


def test_a_program_that_used_children_ends_at_once_and_so_do_they():
    with program("print(made.call(b'', seconds=5).decode())", "who") as parent:
        child = int(parent.communicate(timeout=20)[0])
    assert parent.returncode == 0
    wait_for(lambda: not is_alive(child))


def test_a_child_outlives_the_thread_that_asked_first(pool_of):
    pool, pids = pool_of("who"), []
    for _ in range(3):
        thread = threading.Thread(target=lambda: pids.append(pool.call(b"", seconds=5)))
        thread.start()
        thread.join()
    assert len(pids) == 3 and len(set(pids)) == 1


def test_a_forked_process_has_children_of_its_own():
    text = """
ask = lambda: made.call(b"", seconds=5).decode()
print("parent", ask(), flush=True)
if os.fork() == 0:
    assert pool._pools == {}
    made = Pool(made.task)
    print("forked", ask(), flush=True)
    made.close()
    os._exit(0)
os.wait()
print("parent", ask(), flush=True)
"""
    with program(text, "who") as parent:
        lines = parent.communicate(timeout=30)[0].split()
    assert lines[::2] == ["parent", "forked", "parent"]
    assert lines[1] == lines[5] != lines[3]


def test_only_tasks_of_the_table_run():
    with pytest.raises(KeyError):
        call("os.system", b"true", seconds=1)
    assert all(task.memory_mb for task in TASKS.values())
