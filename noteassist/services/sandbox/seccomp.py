"""The system calls that a program in the sandbox may not make, as a filter for the kernel (seccomp, classic BPF).

Namespaces alone leave gaps: AF_VSOCK reaches the host of a virtual machine from any network namespace; the buffers
of TCP are one budget for the whole machine; memory in unattached SysV segments and in memfds belongs to no process
and would escape the count; a new session gets a share of the processor of its own (sched_autogroup), and a program
could take its processor pinning back.
What is refused fails with EPERM, clone3 with ENOSYS (so that the C library falls back to clone, whose flags a
filter can read). See seccomp(2) and linux/audit.h.
"""

import errno
import platform
import struct
from dataclasses import dataclass

LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL_PROCESS, FAIL = 0x7FFF0000, 0x80000000, 0x00050000
# Offsets in struct seccomp_data; an argument's low half comes first on both machines.
NUMBER, MACHINE, ARGUMENTS = 0, 4, 16
# Numbers from here on are the x32 calls of x86_64.
X32 = 0x40000000
# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET.
NEW_NAMESPACES = 0x7E020000
AF_UNIX = 1

INSTRUCTION = struct.Struct("=HBBI")

# Name: number on x86_64, number on aarch64.
REFUSED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "personality": (135, 92),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "setsid": (112, 157),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
}


@dataclass(frozen=True)
class Machine:
    """A kind of processor: its audit number, its column in REFUSED, and the calls whose arguments are looked at."""

    audit: int
    column: int
    clone: int
    clone3: int
    socket: int
    socketpair: int


MACHINES = {
    "x86_64": Machine(0xC000003E, 0, clone=56, clone3=435, socket=41, socketpair=53),
    "aarch64": Machine(0xC00000B7, 1, clone=220, clone3=435, socket=198, socketpair=199),
}


def filter_program(machine: str | None = None) -> bytes | None:
    """Make the filter for this machine, as bwrap's --seccomp reads it; None for one whose numbers we do not know."""
    found = MACHINES.get(machine or platform.machine())
    if found is None:
        return None
    lines = [
        _line(LOAD, MACHINE),
        _line(JUMP_EQUAL, found.audit, 1, 0),
        _line(RETURN, KILL_PROCESS),
        _line(LOAD, NUMBER),
        _line(JUMP_AT_LEAST, X32, 0, 1),
        _line(RETURN, KILL_PROCESS),
    ]
    for numbers in REFUSED.values():
        lines += [_line(JUMP_EQUAL, numbers[found.column], 0, 1), _line(RETURN, FAIL | errno.EPERM)]
    lines += [_line(JUMP_EQUAL, found.clone3, 0, 1), _line(RETURN, FAIL | errno.ENOSYS)]
    lines += _unix_only(found.socket) + _unix_only(found.socketpair)
    lines += [
        _line(JUMP_EQUAL, found.clone, 0, 3),
        _line(LOAD, ARGUMENTS),
        _line(JUMP_ANY_BIT, NEW_NAMESPACES, 0, 1),
        _line(RETURN, FAIL | errno.EPERM),
        _line(RETURN, ALLOW),
    ]
    return b"".join(lines)


def _unix_only(number: int) -> list[bytes]:
    """Let a call make sockets inside the sandbox only."""
    return [
        _line(JUMP_EQUAL, number, 0, 4),
        _line(LOAD, ARGUMENTS),
        _line(JUMP_EQUAL, AF_UNIX, 1, 0),
        _line(RETURN, FAIL | errno.EAFNOSUPPORT),
        _line(RETURN, ALLOW),
    ]


def _line(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return INSTRUCTION.pack(code, if_so, if_not, value)
