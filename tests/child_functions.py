"""What the children of test_children.py do."""

import json
import os
import re
import signal
import socket
import subprocess
import time

from noteassist.children import Refused


def echo(payload):
    return payload


def who(payload):
    return str(os.getpid()).encode()


def wait(payload):
    time.sleep(float(payload))
    return who(payload)


def say(payload):
    print("between the answers", flush=True)
    os.write(1, b"and once more")
    return payload


def refuse(payload):
    raise Refused("not_good", payload.decode())


def fail(payload):
    raise ValueError(payload.decode())


def crash(payload):
    os.kill(os.getpid(), signal.SIGSEGV)


def loop(payload):
    # The regular expression engine holds the lock of the interpreter: no thread and no handler gets a turn.
    if payload:
        with open(payload, "w") as place:
            place.write(str(os.getpid()))
    re.match(r"(a+)+$", "a" * 60 + "b")


def eat(payload):
    return b"x" * int(payload)


def have_a_child(payload):
    started = subprocess.Popen(["sleep", "60"])
    with open(payload, "w") as place:
        place.write(str(started.pid))
    time.sleep(60)


def environment(payload):
    return json.dumps(dict(os.environ)).encode()


def connect(payload):
    try:
        socket.create_connection(("127.0.0.1", int(payload)), 2).close()
    except OSError:
        return b"no"
    return b"yes"


def write(payload):
    with open(payload, "wb", buffering=0) as file:
        try:
            file.write(b"x")
        except OSError as error:
            return error.strerror.encode()
    return b"written"
