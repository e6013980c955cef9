"""One fuzz from start to end: a server, Schemathesis against it, and what came of it."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.live import ROOT, LiveServer

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
SCHEMATHESIS = (sys.executable, "-c", "from schemathesis.cli import schemathesis as run; run()")
# What no request may make the server write, and how many lines of the log belong to it.
ALARM = re.compile(r"Traceback \(most recent call last\)|\b(ERROR|CRITICAL)\b")
ALARM_LINES = 40
ALARMS_SHOWN = 5

Tally = dict[str, dict[str, int]]


# Set up, with a Google that never answers.
DRIVE = {
    "GOOGLE_CLIENT_ID": "fuzz",
    "GOOGLE_CLIENT_SECRET": "fuzz",
    "GOOGLE_BASE_URL": "http://127.0.0.1:9",
}


@dataclass(frozen=True)
class Plan:
    """How long to fuzz, and on what."""

    seconds: int
    database_url: str = ""
    # Python 3.11 fails now and then when several threads generate cases: "AST constructor recursion depth
    # mismatch", an error of the interpreter.
    workers: int = 1
    seed: int | None = None
    only: str = ""


@dataclass(frozen=True)
class Outcome:
    """What a fuzz found: by Schemathesis in its report, by us in the server's log; and all statuses it got."""

    exit_code: int
    report: dict[str, Any]
    tally: Tally
    alarms: tuple[str, ...]
    output: str

    @property
    def is_clean(self) -> bool:
        """Say whether the fuzz ran to its end and nothing was found."""
        return self.exit_code == 0 and self.report.get("complete", False) and not self.alarms

    def summary(self) -> str:
        """Tell in a few lines what was sent and what was found."""
        cases, operations = self.report.get("test_cases", {}), self.report.get("operations", {})
        tested = f"{operations.get('tested', 0)} of {operations.get('total', 0)} operations"
        seconds, seed = self.report.get("running_time", 0), self.report.get("seed")
        lines = [
            f"{cases.get('generated', 0)} test cases on {tested} in {seconds:.0f} s, seed {seed}",
            f"answers: {self._statuses()}",
            *(f"never accepted: {operation}" for operation in self.never_accepted()),
            *(
                f"{found['severity']}: {found['title']} x {found['count']}: {', '.join(found['operations'])}"
                for found in self.report.get("failures", [])
            ),
            *(f"error: {error['title']} x {error['count']}" for error in self.report.get("errors", [])),
            *(f"in the server's log:\n{alarm}" for alarm in self.alarms[:ALARMS_SHOWN]),
        ]
        return "\n".join([*lines, "clean" if self.is_clean else f"NOT CLEAN (exit status {self.exit_code})"])

    def never_accepted(self) -> list[str]:
        """Name the operations of which no request succeeded: behind their checks nothing was fuzzed."""
        return sorted(
            name for name, statuses in self.tally.items() if not any(s.startswith("2") for s in statuses)
        )

    def _statuses(self) -> str:
        totals: Counter[str] = Counter()
        for statuses in self.tally.values():
            totals.update(statuses)
        return ", ".join(f"{status} x {count}" for status, count in sorted(totals.items()))


def fuzz(plan: Plan, *, show: bool = False) -> Outcome:
    """Start a server, fuzz it, stop it; `show` prints what Schemathesis says while it says it."""
    with tempfile.TemporaryDirectory(prefix="noteassist-fuzz-") as name:
        folder = Path(name)
        own = {"DATABASE_URL": plan.database_url or None, "RATELIMIT_ENABLED": "0", **DRIVE}
        with LiveServer(folder, own) as server:
            code, output = _run(plan, server, show=show)
            server.wait_until("/readyz")
        report, tally = _read(folder / "report.json"), _read(folder / "tally.json")
        return Outcome(code, report, tally, tuple(alarms(server.log)), output)


def alarms(log: Path) -> list[str]:
    """Give the places of a log that speak of an error nobody expected, each with what follows it."""
    lines = log.read_text(errors="replace").splitlines()
    found: list[str] = []
    end = 0
    for number, line in enumerate(lines):
        if number >= end and ALARM.search(line):
            end = number + ALARM_LINES
            found.append("\n".join(lines[max(0, number - 1) : end]))
    return found


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return content


def _run(plan: Plan, server: LiveServer, *, show: bool) -> tuple[int, str]:
    own = {
        "FUZZ_URL": server.url,
        "FUZZ_FOLDER": str(server.folder),
        "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
    }
    done = subprocess.run(
        _command(plan, server),
        # Schemathesis keeps what it learned in the current folder, where the next run would find it.
        cwd=server.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **own},
        stdout=None if show else subprocess.PIPE,
        stderr=None if show else subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout or ""


def _command(plan: Plan, server: LiveServer) -> list[str]:
    options = {
        "--workers": str(plan.workers),
        "--max-time": str(plan.seconds),
        "--phases": "examples,coverage,fuzzing,stateful",
        "--report": "json",
        "--report-json-path": str(server.folder / "report.json"),
    }
    if plan.seed is not None:
        options["--seed"] = str(plan.seed)
    if plan.only:
        options["--include-path-regex"] = plan.only
    words = [word for option in options.items() for word in option]
    document = f"{server.url}/api/openapi.json"
    return [
        *SCHEMATHESIS,
        "--config-file",
        str(CONFIGURATION),
        "run",
        document,
        "--continue-on-failure",
        *words,
    ]
