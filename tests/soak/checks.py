"""The checker: compares what was promised with what has become of it."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.soak.facts import Facts, TaskFact, wanted_text
from tests.soak.ledger import Asked, Ledger
from tests.soak.watcher import ENDED, Wait

LONGEST_WAIT = 15.0
TOOLS = frozenset({"generate", "improve", "summarize", "code"})
WantedText = Callable[[str, Mapping[str, Any]], str]
# A model that answers badly so often is given up by rule.
BAD_ANSWERS = 3


@dataclass
class Findings:
    """What is wrong, by kind, in words; nothing where all is well."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    # Outputs that are not what the model said, or another request's.
    wrong: list[str] = field(default_factory=list)
    # What servers answered or did that they should not.
    surprises: list[str] = field(default_factory=list)
    # Tasks that failed as the rules say: told, but nothing is wrong with them.
    given_up: list[str] = field(default_factory=list)
    longest_wait: float = 0.0
    too_long: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Say whether nothing is wrong."""
        return not any((self.lost, self.doubled, self.stuck, self.wrong, self.surprises, self.too_long))


def check(ledger: Ledger, facts: Facts, *, wanted: WantedText = wanted_text) -> Findings:
    """Find everything that is lost, doubled, stuck or wrong."""
    findings = Findings(surprises=list(ledger.surprises))
    for asked in ledger.asked:
        if asked.output_id is not None:
            asked.task_id = facts.task_of_output.get(asked.output_id, "")
        _check_asked(asked, facts, findings, wanted)
    _check_keys(ledger, facts, findings)
    _check_effects(facts, findings)
    _check_mails(ledger, facts, findings)
    _check_notes(ledger, facts, findings)
    for task in facts.tasks.values():
        if task.status not in ENDED:
            findings.stuck.append(_about(task, facts))
    return findings


def _about(task: TaskFact, facts: Facts) -> str:
    joined = f", joined to {task.joined_to}" if task.joined_to else ""
    calls = ",".join(facts.calls.get(task.id, []))
    counts = f"attempt {task.attempt}, {task.failures} failures"
    return f"{task.kind} {task.id} of {task.email}: {task.status} {task.error} ({counts}{joined}; calls: {calls})"


def _check_asked(asked: Asked, facts: Facts, findings: Findings, wanted: WantedText) -> None:
    task = facts.tasks.get(asked.task_id)
    if task is None:
        findings.lost.append(f"{asked.key}: task {asked.task_id} is gone with output {asked.output_id}")
        return
    if not task.is_for(asked.body):
        findings.wrong.append(f"{asked.key}: its task is for something else: {task.args}")
    if task.status == "succeeded":
        _check_success(asked, task, facts, findings, wanted)
    elif task.status == "cancelled":
        if not asked.cancel:
            findings.lost.append(f"{asked.key}: cancelled, and nobody wanted that")
    elif task.status == "failed":
        _check_failure(task, facts, findings)
    _check_told(asked, task, facts, findings)


def _check_success(
    asked: Asked, task: TaskFact, facts: Facts, findings: Findings, wanted: WantedText
) -> None:
    if asked.cancel == "done":
        findings.wrong.append(f"{asked.key}: succeeded after it was cancelled")
    for name, found in (
        ("output", facts.outputs.get(task.id, [])),
        ("usage", [one for one in facts.usage if one == task.id]),
    ):
        if not found:
            findings.lost.append(f"{asked.key}: succeeded without {name}: {_about(task, facts)}")
    if not task.was_there and task.id not in facts.notifications:
        findings.lost.append(f"{asked.key}: nobody was told: {_about(task, facts)}")
    text = wanted(asked.tool, asked.body)
    for content in facts.outputs.get(task.id, []):
        if content != text:
            findings.wrong.append(f"{asked.key}: {content[:80]!r}... in place of {text[:80]!r}...")


def _check_failure(task: TaskFact, facts: Facts, findings: Findings) -> None:
    bad = sum(outcome == "ai_bad_answer" for outcome in facts.calls.get(task.joined_to or task.id, []))
    by_rule = task.error.startswith("ai_bad_answer") and bad >= BAD_ANSWERS
    (findings.given_up if by_rule else findings.lost).append(_about(task, facts))


def _check_told(asked: Asked, task: TaskFact, facts: Facts, findings: Findings) -> None:
    told = facts.told.get(task.id, [])
    if len(told) != 1:
        findings.wrong.append(f"{asked.key}: the API lists its task {len(told)} times")
        return
    status, content = told[0]
    # One that is joined to another is told to be as far as that one is.
    if status != task.status and task.status in ENDED:
        findings.wrong.append(f"{asked.key}: the API says {status}: {_about(task, facts)}")
    if task.status == "succeeded" and content not in facts.outputs.get(task.id, []):
        findings.wrong.append(f"{asked.key}: the API shows another output")


def _check_keys(ledger: Ledger, facts: Facts, findings: Findings) -> None:
    """Check that each key has made one task."""
    for asked in ledger.asked:
        for again in asked.again:
            if again != asked.task_id:
                findings.doubled.append(f"{asked.key}: made {asked.task_id} and {again}")
    known = {asked.task_id for asked in ledger.asked}
    for task_id, times in Counter(asked.task_id for asked in ledger.asked).items():
        if times > 1:
            findings.wrong.append(f"task {task_id} was promised to {times} requests")
    for task in facts.tasks.values():
        if task.kind in TOOLS and task.id not in known:
            findings.doubled.append(f"nobody was promised {_about(task, facts)}")


def _check_effects(facts: Facts, findings: Findings) -> None:
    effects: Mapping[str, Collection[str]] = {
        "outputs": [task_id for task_id, contents in facts.outputs.items() for _ in contents],
        "usages": facts.usage,
        "notifications": facts.notifications,
    }
    for name, task_ids in effects.items():
        for task_id, times in Counter(task_ids).items():
            task = facts.tasks.get(task_id)
            about = _about(task, facts) if task else f"task {task_id}, which is gone"
            if times > 1:
                findings.doubled.append(f"{times} {name}: {about}")
            if task is None or task.status != "succeeded":
                findings.wrong.append(f"there are {name} of {about}")


def _check_mails(ledger: Ledger, facts: Facts, findings: Findings) -> None:
    promised = set(ledger.accounts)
    for name, recipients in (("delivered", facts.delivered), ("marked as sent", facts.sent)):
        counted = Counter(recipients)
        findings.lost += [f"mail to {email}: not {name}" for email in promised if not counted[email]]
        findings.doubled += [f"mail to {email}: {n} times {name}" for email, n in counted.items() if n > 1]
    unpromised = set(facts.mails) - promised
    findings.wrong += [f"mail to {email}, who was not registered" for email in unpromised]


def _check_notes(ledger: Ledger, facts: Facts, findings: Findings) -> None:
    promised, found = Counter(ledger.notes), Counter(facts.notes)
    findings.lost += [f"note {title!r}" for title in promised - found]
    findings.doubled += [f"note {title!r}: {found[title]} times" for title in found - promised]


def check_waits(found: Sequence[Wait], findings: Findings, *, limit: float = LONGEST_WAIT) -> None:
    """Check how long tasks lay after their worker was killed."""
    for wait in found:
        if wait.seconds is None:
            findings.too_long.append(
                f"task {wait.task_id}: taken up by nobody after the kill at {wait.killed_at:.1f}"
            )
            continue
        findings.longest_wait = max(findings.longest_wait, wait.seconds)
        if wait.seconds > limit:
            findings.too_long.append(f"task {wait.task_id}: {wait.seconds:.1f} s after {wait.killed_at:.1f}")
