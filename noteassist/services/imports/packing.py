"""How an upload goes to the child process that reads it: its name and its bytes as one."""

import struct

HEAD = struct.Struct("!I")


def packed(name: str, content: bytes) -> bytes:
    """Put a file and its name together."""
    head = name.encode("utf-8", "replace")
    return HEAD.pack(len(head)) + head + content


def unpacked(payload: bytes) -> tuple[str, bytes]:
    """Take a file and its name apart."""
    (size,) = HEAD.unpack_from(payload)
    end = HEAD.size + size
    return payload[HEAD.size : end].decode("utf-8", "replace"), payload[end:]
