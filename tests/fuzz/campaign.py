"""One fuzz from start to end: a server, Schemathesis against it, and what came of it."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.server import FuzzedServer, serving

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
PHASES = ("examples", "coverage", "fuzzing", "stateful")


@dataclass(frozen=True)
class Plan:
    """How long to fuzz, and on what."""

    seconds: int
    database_url: str = ""
    # Python 3.11 fails now and then in Hypothesis when several threads generate: "AST constructor recursion
    # depth mismatch", an error of the interpreter.
    workers: int = 1
    seed: int | None = None
    only: str = ""
    phases: tuple[str, ...] = PHASES
    max_examples: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What a fuzz found."""

    exit_code: int
    report: dict[str, Any]
    alarms: list[str] = field(default_factory=list)
    output: str = ""

    @property
    def is_clean(self) -> bool:
        """Say whether nothing was found, by Schemathesis or in the server's log."""
        return self.exit_code == 0 and self.report.get("complete", False) and not self.alarms

    def summary(self) -> str:
        """Tell in a few lines what was sent and what was found."""
        cases, operations = self.report.get("test_cases", {}), self.report.get("operations", {})
        lines = [
            "",
            f"{cases.get('generated', 0)} test cases on {operations.get('tested', 0)} of"
            f" {operations.get('total', 0)} operations in {self.report.get('running_time', 0):.0f} s,"
            f" seed {self.report.get('seed')}",
        ]
        for found in self.report.get("failures", []):
            lines.append(f"  {found['severity']}: {found['title']} x {found['count']}")
            lines += [f"    {operation}" for operation in found["operations"]]
        lines += [f"  error: {error['title']} x {error['count']}" for error in self.report.get("errors", [])]
        lines += [f"  in the server's log:\n{alarm}" for alarm in self.alarms]
        lines.append("clean" if self.is_clean else "NOT CLEAN")
        return "\n".join(lines)


def fuzz(plan: Plan, *, show: bool = False) -> Outcome:
    """Start a server, fuzz it, stop it; `show` prints what Schemathesis says while it says it."""
    with tempfile.TemporaryDirectory(prefix="noteassist-fuzz-") as name:
        folder = Path(name)
        with serving(folder, plan.database_url) as server:
            code, output = _run(plan, server, show=show)
        report = folder / "report.json"
        content = json.loads(report.read_text()) if report.exists() else {}
        return Outcome(code, content, server.alarms(), output)


def _run(plan: Plan, server: FuzzedServer, *, show: bool) -> tuple[int, str]:
    environment = os.environ | {
        "FUZZ_URL": server.url,
        "FUZZ_FOLDER": str(server.folder),
        "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
        "PYTHONPATH": str(ROOT),
    }
    pipe = None if show else subprocess.PIPE
    # In the server's folder, because Schemathesis keeps what it learned in the current one.
    done = subprocess.run(
        _command(plan, server),
        cwd=server.folder,
        env=environment,
        stdout=pipe,
        stderr=subprocess.STDOUT if pipe else None,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout or ""


def _command(plan: Plan, server: FuzzedServer) -> list[str]:
    program = [sys.executable, "-c", "from schemathesis.cli import schemathesis as run; run()"]
    return [
        *program,
        "--config-file",
        str(CONFIGURATION),
        "run",
        f"{server.url}/api/openapi.json",
        "--workers",
        str(plan.workers),
        "--max-time",
        str(plan.seconds),
        "--phases",
        ",".join(plan.phases),
        "--continue-on-failure",
        "--report",
        "json",
        "--report-json-path",
        str(server.folder / "report.json"),
        *(["--seed", str(plan.seed)] if plan.seed is not None else []),
        *(["--max-examples", str(plan.max_examples)] if plan.max_examples else []),
        *(["--include-path-regex", plan.only] if plan.only else []),
    ]
