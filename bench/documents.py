"""Documents: what a PDF costs, and the export of everything in every form, from an embedded server."""

import http.client
import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

from pypdf import PdfReader

from bench.background import Finding
from bench.cases import study_topic
from bench.errors import BenchError
from bench.loop import LOOPBACK
from bench.options import DEFAULT_PASSWORD
from bench.people import must, seeded_email, sign_in
from bench.processes import cpu_seconds, tree_memory
from bench.servers import Server, instance_folder, run_command, server_environment, serving

# Seconds that an export of everything may take.
FORMS = {"md": 20, "html": 20, "json": 20, "apkg": 20, "pdf": 120, "docx": 120}
MOST_MEMORY_MB = 200
# Topics of a note, and the processor milliseconds that its PDF may take.
PDFS = {"short": (5, 60), "long": (345, 1500)}
PDF_ROUNDS = 15
MEMORY_ROUNDS = 60
LOOK_SECONDS = 0.1
POLL_SECONDS = 0.1
SETTLE_SECONDS = 5
PATIENCE_SECONDS = 600
SENTENCE = "A list keeps its order, a set keeps each value once, a dict finds by key. "


@dataclass
class Memory:
    """Samples of what a server and its children hold, in megabytes; shared pages are counted once."""

    samples: list[float] = field(default_factory=list)

    @property
    def peak(self) -> float:
        """Give the most."""
        return max(self.samples)


def run_documents(notes: int, report: Callable[[], None]) -> list[Finding]:
    """Measure single PDFs, then the export of so many notes in every form."""
    with instance_folder() as instance:
        environment = server_environment(instance)
        run_command(["db", "upgrade"], environment)
        run_command(
            ["seed-demo", "--users", "1", "--notes", str(notes), "--password", DEFAULT_PASSWORD], environment
        )
        with serving(environment, instance) as server:
            # A server examines its sandbox in its first seconds, with programs that ask for much memory.
            time.sleep(SETTLE_SECONDS)
            token = sign_in(server.port, seeded_email(1), DEFAULT_PASSWORD)
            findings = []
            for form, most in FORMS.items():
                findings += export_all(server, token, form, notes, most)
                report()
            for name, (topics, most) in PDFS.items():
                findings.append(pdf_cost(server, token, name, topics, most))
                report()
            findings.append(memory_growth(server, token))
            report()
    return findings


def export_all(server: Server, token: str, form: str, notes: int, most: float) -> list[Finding]:
    """Export everything in one form, as a task."""
    idle = held_mb(server)
    with watched_memory(server) as memory:
        begun = time.monotonic()
        path = must(server.port, "POST", "/api/notes/export/", token=token, body={"format": form})[
            "status_url"
        ]
        result = ended(server, token, str(path))
        seconds = time.monotonic() - begun
        content = download(server, token, str(result["download_url"]))
    more = memory.peak - idle
    name = f"{notes:,} notes as {form} ({len(content) / 1e6:.1f} MB)"
    return [
        Finding(name, f"{seconds:.1f} s", f"< {most}", seconds < most),
        Finding(f"{form}: memory above idle", f"{more:.0f} MB", f"< {MOST_MEMORY_MB}", more < MOST_MEMORY_MB),
    ]


def ended(server: Server, token: str, path: str) -> dict[str, object]:
    """Wait for a task to end well; gives its result."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        task = must(server.port, "GET", path, token=token)
        if task["status"] == "succeeded" and isinstance(task["result"], dict):
            return task["result"]
        if task["status"] not in {"queued", "running"}:
            break
        time.sleep(POLL_SECONDS)
    raise BenchError(f"The export did not end well: {task}")


def download(server: Server, token: str, path: str) -> bytes:
    """Read a file."""
    connection = http.client.HTTPConnection(LOOPBACK, server.port, timeout=60)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise BenchError(f"GET {path} answered {answer.status}: {content[:300]!r}")
    return content


def held_mb(server: Server) -> float:
    """Give what the server and its children hold now."""
    return sum(process.pss_mb for process in tree_memory(server.pid))


@contextmanager
def watched_memory(server: Server) -> Iterator[Memory]:
    """Look at the memory all the time."""
    memory, done = Memory([held_mb(server)]), threading.Event()

    def watch() -> None:
        while not done.wait(LOOK_SECONDS):
            memory.samples.append(held_mb(server))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield memory
    finally:
        done.set()
        thread.join()


def pdf_cost(server: Server, token: str, name: str, topics: int, most: float) -> Finding:
    """Set one note in type several times, and give the median of what it took."""
    path = note_of(server, token, name, topics)
    content = download(server, token, path)
    costs = []
    for _ in range(PDF_ROUNDS):
        before = cpu_seconds(server.pid)
        download(server, token, path)
        costs.append((cpu_seconds(server.pid) - before) * 1000)
    pages = len(PdfReader(io.BytesIO(content)).pages)
    cost = median(costs)
    return Finding(f"PDF of {pages} pages, processor time", f"{cost:.0f} ms", f"< {most}", cost < most)


def note_of(server: Server, token: str, name: str, topics: int) -> str:
    """Make a note of so many topics; gives the path of its PDF."""
    chapters = [
        {
            "title": f"Chapter {first // 10 + 1}",
            "topics": [
                study_topic(first // 10 + 1, n + 1, SENTENCE) for n in range(first, min(first + 10, topics))
            ],
        }
        for first in range(0, topics, 10)
    ]
    note = must(server.port, "POST", "/api/notes/", token=token, body={"title": name, "chapters": chapters})
    return f"/api/notes/{note['id']}/export/?format=pdf"


def memory_growth(server: Server, token: str) -> Finding:
    """Say how much more is held after many PDFs."""
    path = note_of(server, token, "again and again", 40)
    for _ in range(MEMORY_ROUNDS // 3):
        download(server, token, path)
    before = held_mb(server)
    for _ in range(MEMORY_ROUNDS):
        download(server, token, path)
    return Finding(f"memory after {MEMORY_ROUNDS} more PDFs", f"{held_mb(server) - before:+.0f} MB")


def steps() -> int:
    """Give how often `run_documents` reports."""
    return len(FORMS) + len(PDFS) + 1
