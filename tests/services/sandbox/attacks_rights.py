"""Attacks on rights and on other processes."""

from tests.services.sandbox.attacks import ANYTHING, QUICK, TIME, Attack

RIGHTS = [
    Attack(
        "who it is, and its capabilities",
        "print(os.getuid(), os.geteuid(), *{line.split()[1] for line in"
        " Path('/proc/self/status').read_text().splitlines() if line.startswith('Cap')})",
        "1000 1000 0000000000000000",
    ),
    Attack("setuid(0) and setgroups", "attempt(os.setuid, 0); attempt(os.setgroups, [0])", "EINVAL EPERM"),
    Attack(
        "su, mount, unshare of the system",
        "su -c id 2>/dev/null && echo WORKED\nmount -t tmpfs x /tmp 2>/dev/null && echo WORKED\n"
        "unshare -Ur id 2>/dev/null && echo WORKED\necho end",
        "end",
        language="bash",
    ),
    Attack(
        "mount, umount, chroot, pivot_root by the C library",
        "call('mount', b'x', b'/tmp', b'tmpfs', 0, None); call('umount2', b'/proc', 2);"
        " call('chroot', b'/tmp'); call('syscall', 155, b'/tmp', b'/tmp')",
        "EPERM EPERM EPERM EPERM",
    ),
    Attack(
        "nested namespaces: unshare, setns, clone, clone3",
        "call('unshare', 0x10000000); call('unshare', 0x40000000); call('setns', 3, 0)\n"
        "call('syscall', 56, 0x10000000 | 17, 0, 0, 0, 0); call('syscall', 435, None, 0)",
        "EPERM EPERM EPERM EPERM ENOSYS",
    ),
    Attack(
        "ptrace of the first process, which has the same filter and no rights",
        "call('ptrace', 16, 1, None, None)\n"
        "print(*(line.split()[1] for line in Path('/proc/1/status').read_text().splitlines()"
        " if line.startswith(('CapEff', 'CapBnd', 'NoNewPrivs', 'Seccomp:'))))",
        "EPERM 0000000000000000 0000000000000000 1 2",
    ),
    Attack(
        "ptrace and the memory of a child of its own",
        "child = os.fork() or signal.pause()\ncall('ptrace', 16, child, None, None)\nos.kill(child, 9)",
        "EPERM",
    ),
    Attack(
        "keyrings, bpf, io_uring, userfaultfd, perf, memfd, SysV memory",
        "for number in (248, 250, 321, 425, 323, 298): call('syscall', number, 0, 0, 0, 0, 0)\n"
        "call('memfd_create', b'x', 0); call('shmget', 0, 1 << 30, 0o1600)",
        " ".join(["EPERM"] * 8),
    ),
    Attack(
        "more priority, other processors, looser limits",
        "attempt(os.nice, -5); attempt(os.sched_setaffinity, 0, range(64));"
        " attempt(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1))\n"
        "attempt(resource.setrlimit, resource.RLIMIT_NPROC, (4096, 4096))",
        "EPERM EPERM EPERM ValueError",
    ),
    Attack(
        "signals to its parent, to the first process and to everybody",
        "for pid in (os.getppid(), 1): os.kill(pid, signal.SIGKILL); os.kill(pid, signal.SIGTERM)\n"
        "attempt(os.kill, host['pid'], 0)\nif os.fork() == 0: os.kill(-1, signal.SIGKILL)\ntime.sleep(60)",
        "ESRCH",
    ),
    Attack("SIGTERM to its process group", "os.kill(0, signal.SIGTERM)", ""),
    Attack("SIGKILL to its process group", "os.kill(0, signal.SIGKILL)", ""),
    Attack("SIGSTOP to its process group", "os.kill(0, signal.SIGSTOP)", "", ("wall_time",), limits=QUICK),
    Attack(
        "signals to everybody, its parent and its process group in Bash",
        "kill -9 -1; kill -9 $PPID; echo still; kill -9 0",
        "still",
        language="bash",
    ),
    Attack(
        "other processes that it sees",
        "print(*sorted(name for name in os.listdir('/proc') if name.isdigit()))",
        "1 2",
    ),
]

PROCESSES = [
    Attack(
        "a fork bomb",
        "while True:\n    try: os.fork()\n    except OSError: pass",
        ANYTHING,
        (*TIME, "memory"),
    ),
    Attack(
        "a fork bomb in Bash",
        ":(){ :|:& };:; wait",
        ANYTHING,
        (*TIME, "memory", None),
        language="bash",
        limits=QUICK,
    ),
    Attack(
        "a thread bomb",
        "count = 0\ntry:\n    while True:\n"
        "        threading.Thread(target=time.sleep, args=(60,), daemon=True).start(); count += 1\n"
        "except RuntimeError as error: print(30 < count < 64, flush=True); os._exit(0)",
        "True",
    ),
    Attack(
        "children that are left to themselves",
        "for _ in range(5):\n    if os.fork() == 0:\n        attempt(os.setsid)\n"
        "        if os.fork() == 0: os.execv('/usr/bin/sleep', ['sleep', host['follower']])\n"
        "        os._exit(0)\n    os.wait()",
        " ".join(["EPERM"] * 5),
    ),
    Attack(
        "writing on after its end",
        "if os.fork():\n    print('end', flush=True)\n    os._exit(0)\ntime.sleep(1)\nwhile True: print('late')",
        "end",
    ),
    Attack(
        "no signal ends it",
        "for number in range(1, 65):\n    try: signal.signal(number, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\nprint('here', flush=True)\nwhile True: time.sleep(1)",
        "here",
        ("wall_time",),
        limits=QUICK,
    ),
    Attack("stopping itself", "os.kill(os.getpid(), signal.SIGSTOP)", "", ("wall_time",), limits=QUICK),
]
