"""What a run was measured with: versions and processors, and nothing that says whose machine it is."""

import os
import platform
from importlib import metadata
from pathlib import Path

import redis

from bench.processes import PROC
from bench.servers import Backing, connect

PACKAGES = ("flask", "granian", "sqlalchemy", "psycopg", "redis", "orjson", "pynacl", "noteassist")


def machine() -> dict[str, object]:
    """Name the processors, the system and the versions of what runs in our server."""
    return {
        "processors": os.cpu_count(),
        "model": processor_model(PROC / "cpuinfo"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "packages": {name: metadata.version(name) for name in PACKAGES},
    }


def processor_model(file: Path) -> str:
    """Read the processor's name, empty where the kernel does not tell it."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def server_versions(backing: Backing) -> dict[str, str]:
    """Ask PostgreSQL and Redis for their versions."""
    with connect(backing.database_url) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    with redis.Redis.from_url(backing.redis_url, socket_timeout=5) as client:
        found = client.info("server")["redis_version"]
    return {"postgres": row[0].split()[0] if row else "", "redis": str(found)}
