"""Attacks on memory, time and output."""

from tests.services.sandbox.attacks import ANYTHING, QUICK, TIME, Attack

TOUCH = "def touch(room):\n    for place in range(0, len(room), 4096): room[place] = 1\n"
CHILDREN = "for _ in range(20):\n    if os.fork() == 0: break\n"

MEMORY = [
    Attack("one process", "attempt(bytearray, 300 << 20)", "MemoryError"),
    Attack(
        "one process, little by little",
        "rooms = []\ntry:\n    while True: rooms.append(bytearray(b'x' * (1 << 20)))\n"
        "except MemoryError:\n    del rooms[:50]; print('MemoryError')",
        "MemoryError",
    ),
    Attack(
        "many processes", CHILDREN + "room = bytearray(b'x' * (40 << 20))\ntime.sleep(60)", "", ("memory",)
    ),
    Attack(
        "shared memory",
        TOUCH + "import mmap\ntouch(mmap.mmap(-1, 1 << 30))\ntime.sleep(60)",
        "",
        ("memory",),
    ),
    Attack(
        "page tables",
        CHILDREN + "import mmap\nroom = mmap.mmap(-1, 3 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS,"
        " mmap.PROT_READ)\nfor place in range(0, len(room), 1 << 21): room[place]\ntime.sleep(60)",
        "",
        ("memory", "wall_time", "cpu_time"),
    ),
    Attack(
        "buffers of sockets",
        "pairs = []\nfor _ in range(20):\n    if os.fork() == 0: break\n"
        "try:\n    while True:\n        pairs.append(socket.socketpair())\n"
        "        for one in pairs[-1]:\n            one.setblocking(False)\n            try:\n"
        "                while True: one.send(bytes(65536))\n            except BlockingIOError: pass\n"
        "except OSError: pass\ntime.sleep(60)",
        "",
        ("memory",),
    ),
    Attack(
        "buffers of pipes",
        "ends = []\ntry:\n    while True:\n        ends += os.pipe()\n        os.set_blocking(ends[-1], False)\n"
        "        try: os.write(ends[-1], bytes(1 << 20))\n        except BlockingIOError: pass\n"
        "except OSError as error: print(errno.errorcode[error.errno], len(ends) <= 64)",
        "EMFILE True",
    ),
    Attack("locked memory", "call('mlockall', 1)", "EPERM"),
]

TIMES = [
    Attack("an endless loop", "while True: pass", "", TIME),
    Attack("an endless loop in JavaScript", "for (;;) {}", "", TIME, language="javascript"),
    Attack("an endless loop in Bash", "while :; do :; done", "", TIME, language="bash"),
    Attack("sleep", "time.sleep(60)", "", ("wall_time",), limits=QUICK),
    Attack("children that share the work", CHILDREN + "while True: pass", "", TIME),
    Attack("a thousand short programs", "while :; do /usr/bin/true; done", "", TIME, language="bash"),
    Attack("reading stdin for ever", "print(len(sys.stdin.read()), sys.stdin.read())", "0"),
    Attack(
        "reading a pipe that nobody writes to", "os.read(os.pipe()[0], 1)", "", ("wall_time",), limits=QUICK
    ),
    Attack("reading /dev/zero", "open('/dev/zero', 'rb').read()", "", (None, *TIME, "memory"), limits=QUICK),
]

OUTPUT = [
    Attack("a flood of stdout", "while True: os.write(1, b'x' * 65536)", ANYTHING, ("output",)),
    Attack("a flood of stderr", "while True: os.write(2, b'x' * 65536)", "", ("output",)),
    Attack(
        "a flood of both",
        "while True: os.write(1, b'x' * 65536); os.write(2, b'x' * 65536)",
        ANYTHING,
        ("output",),
    ),
    Attack(
        "a flood from many processes",
        CHILDREN + "while True: os.write(1, b'x' * 9)",
        ANYTHING,
        ("output", *TIME),
    ),
    Attack("a very long line", "print('x' * (8 << 20))", ANYTHING),
    Attack(
        "bytes that are no text",
        "os.write(1, b'\\xff\\xfe a \\x00 b \\xed\\xa0\\x80')",
        "\ufffd\ufffd a \0 b \ufffd\ufffd\ufffd",
    ),
    Attack("closing its outputs", "os.close(1); os.close(2); time.sleep(0.2); os._exit(0)"),
    Attack(
        "making its outputs bigger",
        "import fcntl\nattempt(fcntl.fcntl, 1, 1031, 1 << 21)\nos.set_blocking(1, False)",
        "EPERM",
    ),
    Attack("putting text into the terminal", "import fcntl; attempt(fcntl.ioctl, 0, 0x5412, b'x')", "ENOTTY"),
]
