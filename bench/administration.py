"""The overview of a large instance, counted anew and remembered, through a running server on PostgreSQL and Redis."""

import http.client
import time
from collections.abc import Callable
from statistics import median

import redis

from bench.background import Finding
from bench.errors import BenchError
from bench.figures import percentile
from bench.loop import LOOPBACK
from bench.options import DEFAULT_PASSWORD, Instance
from bench.people import TIMEOUT_SECONDS, seeded_email, sign_in
from bench.servers import Backing, connect, full_environment, instance_folder, run_command, serving
from noteassist.security.passwords import hash_password
from tests.servers import create_database, drop_database

DATABASE = "noteassist_bench_admin"
ASKED = 100
# Milliseconds that 95 of 100 answers may take: counted anew, and remembered.
UNCACHED_MS, CACHED_MS = 200.0, 5.0
PATHS = {
    "overview": ("/api/admin/overview/", UNCACHED_MS),
    "AI usage": ("/api/admin/ai-usage/", None),
    "users": ("/api/admin/users/", None),
    "users, found by a part of the address": ("/api/admin/users/?q=user77", None),
    "tasks": ("/api/admin/tasks/", None),
}
REMEMBERED = frozenset({"overview", "AI usage"})
STEPS = 4 + len(PATHS) + len(REMEMBERED)
TOOLS = "(ARRAY['generate', 'improve', 'summarize', 'code'])[1 + n % 4]"
# Spread over a year; users, notes and uses are spread over each other.
USERS = """\
INSERT INTO users (email, name, password_hash, role, is_seeded, created_at, last_login_at)
SELECT 'user' || n || '@example.com', 'User ' || n, %(hash)s, CASE n WHEN 1 THEN 'admin' ELSE 'user' END, true,
    now() - make_interval(days => n %% 365), now() - make_interval(days => n %% 60)
FROM generate_series(1, %(users)s) AS n"""
PROFILES = "INSERT INTO profiles (user_id) SELECT id FROM users"
SESSIONS = """\
INSERT INTO sessions (user_id, created_at, last_seen_at, expires_at)
SELECT id, last_login_at, last_login_at, last_login_at + interval '90 days' FROM users, generate_series(1, 3)"""
NOTES = """\
INSERT INTO notes (user_id, title, sort_title, slug, chapter_count, topic_count, created_at, updated_at, deleted_at)
SELECT u.id, 'Note ' || n, 'note ' || n, 'note-' || n, 4, n %% 30, now(), now(), CASE WHEN n %% 20 = 0 THEN now() END
FROM generate_series(1, %(notes)s) AS n
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS number FROM users) AS u ON u.number = 1 + n %% %(users)s"""
USES = f"""\
INSERT INTO ai_usage (user_id, task_id, tool, provider, model, cached, tokens, response_ms, created_at)
SELECT u.id, gen_random_uuid(), {TOOLS.replace("%", "%%")}, 'groq', 'model-' || n %% 2, n %% 5 = 0, n %% 2000,
    n %% 9000,
    now() - make_interval(mins => ((%(uses)s - n) * 525600.0 / %(uses)s)::int)
FROM generate_series(1, %(uses)s) AS n
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS number FROM users) AS u ON u.number = 1 + n %% %(users)s
ORDER BY n"""


def run_administration(backing: Backing, size: Instance, report: Callable[[], None]) -> list[Finding]:
    """Fill a database with so much, and ask what an administrator would."""
    drop_database(backing.database_url, DATABASE)
    address = create_database(backing.database_url, DATABASE)
    with instance_folder() as instance:
        environment = full_environment(instance, backing, address)
        run_command(["db", "upgrade"], environment)
        fill(address, size, report)
        with serving(environment, instance) as server:
            token = sign_in(server.port, seeded_email(1), DEFAULT_PASSWORD)
            findings = []
            for name, (path, most) in PATHS.items():
                anew = times_of(server.port, path, token, lambda: forget(backing.redis_url))
                findings.append(finding(f"{name}, counted anew", anew, most))
                report()
                if name in REMEMBERED:
                    again = times_of(server.port, path, token, lambda: None)
                    findings.append(finding(f"{name}, remembered", again, CACHED_MS))
                    report()
    drop_database(backing.database_url, DATABASE)
    return findings


def fill(address: str, size: Instance, report: Callable[[], None]) -> None:
    """Insert users, notes and uses in bulk."""
    values = {**vars(size), "hash": hash_password(DEFAULT_PASSWORD, 8)}
    with connect(address) as connection:
        connection.execute(USERS, values)
        connection.execute(PROFILES)
        connection.execute(SESSIONS)
        report()
        connection.execute(NOTES, values)
        report()
        connection.execute(USES, values)
        report()
        connection.execute("VACUUM ANALYZE")
        report()


def times_of(port: int, path: str, token: str, before: Callable[[], object]) -> list[float]:
    """Ask so often, one after the other on one connection; gives the milliseconds."""
    times = []
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=TIMEOUT_SECONDS)
    try:
        for _ in range(ASKED):
            before()
            begun = time.perf_counter()
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            content = answer.read()
            times.append((time.perf_counter() - begun) * 1000)
            if answer.status != 200:
                raise BenchError(f"GET {path} answered {answer.status}: {content[:300]!r}")
    finally:
        connection.close()
    return times


def forget(redis_url: str) -> None:
    """Take away what the server remembers for all."""
    with redis.Redis.from_url(redis_url) as client:
        for key in client.scan_iter("noteassist:shared:*"):
            client.delete(key)


def finding(name: str, times: list[float], most: float | None) -> Finding:
    """Say how long 95 of 100 answers took at most."""
    p95 = percentile(sorted(times), 95)
    required = "" if most is None else f"< {most:.0f}"
    return Finding(
        f"{name}, p95",
        f"{p95:.1f} ms (median {median(times):.1f})",
        required,
        None if most is None else p95 < most,
    )
