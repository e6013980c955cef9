"""What the sandbox adds to a program: run in it, and without it, in turns."""

import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.background import Finding
from noteassist.services.sandbox.languages import LANGUAGES, Language
from noteassist.services.sandbox.limits import KIB, MIB, Limits
from noteassist.services.sandbox.probing import examine
from noteassist.services.sandbox.running import run

MOST_MILLISECONDS = 20.0
LIMITS = Limits(wall_seconds=10, cpu_seconds=5, memory_bytes=256 * MIB, processes=64, output_bytes=64 * KIB)
PROGRAMS = {"python": "print(1)", "javascript": "console.log(1)", "bash": "echo 1"}


def run_sandbox(rounds: int, report: Callable[[], None]) -> list[Finding]:
    """Run the smallest program of each language so often; a machine that cannot isolate is told so."""
    verdict = examine()
    if not verdict.is_good:
        return [Finding("sandbox", f"unavailable: {verdict.reason}")]
    findings = []
    for name in sorted(verdict.languages):
        findings.append(overhead(name, LANGUAGES[name], PROGRAMS[name], rounds))
        report()
    return findings


def overhead(name: str, language: Language, code: str, rounds: int) -> Finding:
    """Compare the medians."""
    bare, boxed = [], []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, language.file)
        file.write_text(code)
        for _ in range(rounds):
            bare.append(milliseconds(lambda: without(language, file)))
            boxed.append(milliseconds(lambda: run(language, code, "", LIMITS)))
    more = median(boxed) - median(bare)
    return Finding(
        f"{name}: what the sandbox adds (without it {median(bare):.0f} ms)",
        f"{more:.1f} ms",
        f"< {MOST_MILLISECONDS:.0f}",
        more < MOST_MILLISECONDS,
    )


def without(language: Language, file: Path) -> object:
    """Run a program as it is."""
    return subprocess.run([*language.command, str(file)], capture_output=True, env={}, check=True)


def milliseconds(work: Callable[[], object]) -> float:
    """Time one call."""
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000
