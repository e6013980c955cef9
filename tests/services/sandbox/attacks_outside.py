"""Attacks on what lies outside: the network, files and devices of the host."""

from tests.services.sandbox.attacks import Attack

NETWORK = [
    Attack(
        "TCP to a port of the host",
        "attempt(socket.create_connection, ('127.0.0.1', host['port']), 1)",
        "EAFNOSUPPORT",
    ),
    Attack("TCP to the internet", "attempt(socket.create_connection, ('1.1.1.1', 443), 1)", "EAFNOSUPPORT"),
    Attack("UDP", "attempt(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)", "EAFNOSUPPORT"),
    Attack("IPv6", "attempt(socket.socket, socket.AF_INET6)", "EAFNOSUPPORT"),
    Attack("DNS", "attempt(socket.gethostbyname, 'example.org')", "gaierror"),
    Attack(
        "packet socket, netlink, vsock (40)",
        "for family in (socket.AF_PACKET, socket.AF_NETLINK, 40): attempt(socket.socket, family)",
        "EAFNOSUPPORT EAFNOSUPPORT EAFNOSUPPORT",
    ),
    Attack(
        "a Unix socket of the host",
        "attempt(socket.socket(socket.AF_UNIX).connect, host['socket'])",
        "ENOENT",
    ),
    Attack(
        "an abstract Unix socket of the host",
        "attempt(socket.socket(socket.AF_UNIX).connect, '\\0' + host['name'])",
        "ECONNREFUSED",
    ),
    Attack(
        "/dev/tcp of bash, and curl",
        "exec 3<>/dev/tcp/127.0.0.1/22 && echo WORKED\ncurl -sm 1 http://127.0.0.1/ && echo WORKED\necho end",
        "end",
        language="bash",
    ),
]

FILES = [
    Attack("/etc/passwd", "attempt(Path('/etc/passwd').read_text)", "ENOENT"),
    Attack("a file of the host that all may read", "attempt(Path(host['file']).read_text)", "ENOENT"),
    Attack(
        "/root, /var, /srv, /sys, /run and the checkout",
        "for path in ('/root', '/var', '/srv', '/sys', '/run', host['checkout']): attempt(os.listdir, path)",
        " ".join(["ENOENT"] * 6),
    ),
    Attack(
        "a symbolic link to a file of the host",
        "os.symlink(host['file'], '/tmp/link'); attempt(Path('/tmp/link').read_text)",
        "ENOENT",
    ),
    Attack(
        "/proc/self/root, /proc/1/root, /proc/self/cwd with ..",
        "for path in ('/proc/self/root', '/proc/1/root', '/proc/self/cwd'):"
        " attempt(Path(path + '/../../../..' + host['file']).read_text)",
        "ENOENT ENOENT ENOENT",
    ),
    Attack(
        "the environment of the first process, and of the host's",
        "print(Path('/proc/1/environ').read_text() + '.');"
        " attempt(Path(f'/proc/{host[\"pid\"]}/environ').read_text)",
        ". ENOENT",
    ),
    Attack(
        "open files that were left to it",
        "print(*sorted(int(name) for name in os.listdir('/proc/self/fd')))",
        "0 1 2 3",
    ),
    Attack(
        "writing to /, /usr/bin, /dev, /proc/sys",
        "for path in ('/new', '/usr/bin/new', '/dev/new', '/proc/sys/kernel/core_pattern',"
        " '/proc/sys/vm/drop_caches'): attempt(open, path, 'w')",
        "EROFS EROFS EROFS EACCES EACCES",
    ),
    Attack(
        "its own program, and a bind source",
        "attempt(open, '/code/main.py', 'w'); attempt(os.unlink, '/code/main.py');"
        " attempt(os.chmod, '/usr/bin/bash', 0o777)",
        "EROFS EROFS EROFS",
    ),
    Attack(
        "devices: /dev/vda, /dev/mem, /dev/kmsg, mknod",
        "for path in ('/dev/vda', '/dev/mem', '/dev/kmsg'): attempt(open, path, 'rb')\n"
        "attempt(os.mknod, '/tmp/disk', 0o60666, os.makedev(254, 0))",
        "ENOENT ENOENT ENOENT EPERM",
    ),
    Attack("a huge file", "fill('/tmp/huge')", "EFBIG 16"),
    Attack(
        "a huge file with holes",
        "attempt(os.truncate, '/code/../tmp', 1); "
        "attempt(os.ftruncate, os.open('/tmp/f', os.O_RDWR | os.O_CREAT), 1 << 40)",
        "EISDIR EFBIG",
    ),
    Attack(
        "filling all folders",
        "for path in ('/tmp', '/dev/shm', host['home']): fill(path + '/f')",
        "EFBIG 16 EFBIG 16 EFBIG 16",
    ),
    Attack(
        "a million files",
        "for number in range(10**6): open(f'/tmp/{number}', 'w').close()",
        stopped_by=("files",),
    ),
    Attack("deep folders", "while True: os.mkdir('d'); os.chdir('d')", stopped_by=("files",)),
]
