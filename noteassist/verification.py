"""Walking through the API as a user would, and saying what works."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

TIMEOUT_SECONDS = 45
SOME_TEXT = (
    "Plants make sugar from light, water and carbon dioxide. Light splits water in the the thylakoids. "
    "Oxygen leaves the leaf. The Calvin cycle binds carbon dioxide, and sugar is made of it. "
    "Without light the first step stops, and soon the second one too."
)


class Failed(Exception):
    """A step did not do what it should."""


class NotConfigured(Exception):
    """The operator has not set up what a step needs."""


@dataclass
class Result:
    """What became of a step: `ok`, `failed` or `not configured`."""

    step: str
    state: str
    remark: str = ""


@dataclass
class Walk:
    """One user's way through the server at `base_url`; the account is closed again at the end."""

    base_url: str
    results: list[Result] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.base_url, timeout=TIMEOUT_SECONDS)
        self.email = f"verify-{secrets.token_hex(6)}@example.com"
        self.password = secrets.token_urlsafe(18)
        self.session: dict[str, Any] = {}
        self.note: dict[str, Any] = {}

    def steps(self) -> Iterator[Result]:
        """Take every step; a later one is tried even if an earlier one failed."""
        for step in STEPS:
            try:
                remark = step(self)
                result = Result(described(step), "ok", remark)
            except NotConfigured as error:
                result = Result(described(step), "not configured", str(error))
            except (Failed, httpx.HTTPError, KeyError, ValueError) as error:
                result = Result(described(step), "failed", f"{type(error).__name__}: {error}"[:200])
            self.results.append(result)
            yield result

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request, signed in if we are."""
        headers = dict(options.pop("headers", {}))
        if self.session:
            headers["Authorization"] = f"Bearer {self.session['access']}"
        return self.client.request(method, path, headers=headers, **options)

    def ask(self, method: str, path: str, status: int, **options: Any) -> httpx.Response:
        """Send a request that must be answered with `status`; raises Failed."""
        answer = self.send(method, path, **options)
        if answer.status_code != status:
            raise Failed(
                f"{method} {path} answered {answer.status_code} instead of {status}: {answer.text[:120]}"
            )
        return answer


def described(step: Callable[[Walk], str]) -> str:
    """Name a step by its docstring."""
    return (step.__doc__ or step.__name__).rstrip(".")


def require(holds: bool, message: str) -> None:
    """Fail the step unless something holds; raises Failed."""
    if not holds:
        raise Failed(message)


def is_ready(walk: Walk) -> str:
    """Be ready."""
    parts = walk.ask("GET", "/readyz", 200).json()["parts"]
    return ", ".join(f"{name} {state}" for name, state in parts.items())


def register(walk: Walk) -> str:
    """Register."""
    body = {"email": walk.email, "password": walk.password, "name": "Verify"}
    walk.session = walk.ask("POST", "/api/auth/register/", 201, json=body).json()
    return walk.email


def refuse_strangers(walk: Walk) -> str:
    """Refuse whoever is not signed in."""
    answer = walk.client.get("/api/notes/")
    require(answer.status_code == 401 and "WWW-Authenticate" in answer.headers, "a stranger was let in")
    return str(answer.json()["code"])


def sign_in(walk: Walk) -> str:
    """Sign in."""
    body = {"email": walk.email, "password": walk.password}
    walk.session = walk.ask("POST", "/api/auth/token/", 200, json=body).json()
    return f"for {walk.session['expires_in'] // 60} minutes"


def refresh(walk: Walk) -> str:
    """Refresh the session."""
    body = {"refresh": walk.session["refresh"]}
    walk.session |= walk.ask("POST", "/api/auth/token/refresh/", 200, json=body).json()
    return "rotated"


def write_note(walk: Walk) -> str:
    """Write a note with chapters and topics."""
    topic = {
        "name": "Light reactions",
        "explanation": {"content": "Light splits water; **oxygen** leaves."},
        "code_snippet": {"language": "python", "code": "print(6 + 6)\n"},
        "source": {"title": "Photosynthesis", "url": "https://en.wikipedia.org/wiki/Photosynthesis"},
    }
    chapter = {"title": "Photosynthesis", "topics": [topic, {"name": "Calvin cycle"}]}
    body = {"title": "Biology", "tags": ["Plants", "verify"], "chapters": [chapter]}
    walk.note = walk.ask("POST", "/api/notes/", 201, json=body).json()
    require(walk.note["chapter_count"] == 1 and walk.note["topic_count"] == 2, "the counts are wrong")
    return f"note {walk.note['id']}"


def read_back(walk: Walk) -> str:
    """Read it back, the second time as 304."""
    path = f"/api/notes/{walk.note['id']}/"
    answer = walk.ask("GET", path, 200)
    require(answer.json() == walk.note, "what was read differs from what was written")
    walk.ask("GET", path, 304, headers={"If-None-Match": answer.headers["ETag"]})
    return answer.headers["ETag"]


def find_by_tag(walk: Walk) -> str:
    """Find it by tag and by text."""
    by_tag = walk.ask("GET", "/api/notes/", 200, params={"tag": "plants"}).json()["results"]
    by_text = walk.ask("GET", "/api/notes/", 200, params={"q": "oxygen"}).json()["results"]
    require(
        [note["id"] for note in by_tag] == [note["id"] for note in by_text] == [walk.note["id"]], "not found"
    )
    return "1 note each"


def page_through(walk: Walk) -> str:
    """Page through a list."""
    for number in range(3):
        walk.ask("POST", "/api/notes/", 201, json={"title": f"Page {number}"})
    seen, url = [], "/api/notes/?page_size=2"
    while url:
        page = walk.ask("GET", url, 200).json()
        seen += [note["id"] for note in page["results"]]
        url = page["next"]
    require(len(seen) == len(set(seen)) == 4, f"{len(seen)} notes were seen instead of 4")
    return "4 notes on 2 pages"


def edit_safely(walk: Walk) -> str:
    """Edit with If-Match, and refuse a stale edit."""
    path = f"/api/notes/{walk.note['id']}/"
    seen = walk.ask("GET", path, 200).headers["ETag"]
    walk.ask("PATCH", path, 200, json={"status": "published"}, headers={"If-Match": seen})
    walk.ask("PATCH", path, 412, json={"status": "draft"}, headers={"If-Match": seen})
    return "412 for the stale one"


def retry_safely(walk: Walk) -> str:
    """Retry a POST with an Idempotency-Key."""
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    first = walk.ask("POST", "/api/notes/", 201, json={"title": "Once"}, headers=headers)
    second = walk.ask("POST", "/api/notes/", 201, json={"title": "Once"}, headers=headers)
    require(first.content == second.content, "the second answer differs")
    return "one note"


def refuse_nonsense(walk: Walk) -> str:
    """Refuse what is not valid, with a problem document."""
    answer = walk.ask("POST", "/api/notes/", 422, json={"title": "", "colour": "red"})
    require(answer.headers["Content-Type"].startswith("application/problem+json"), "no problem document")
    return ", ".join(sorted(answer.json()["errors"]["json"]))


def use_trash(walk: Walk) -> str:
    """Delete to the trash and restore."""
    path = f"/api/notes/{walk.note['id']}/"
    walk.ask("DELETE", path, 204)
    walk.ask("GET", path, 404)
    walk.ask("POST", f"{path}restore/", 200)
    return "back again"


def read_documentation(walk: Walk) -> str:
    """Read the API's documentation."""
    document = walk.ask("GET", "/api/openapi.json", 200).json()
    walk.ask("GET", "/api/docs/", 200)
    return f"{len(document['paths'])} paths"


def ask(walk: Walk, tool: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask an AI tool and wait for its output; raises NotConfigured, Failed."""
    path = f"/api/ai-tools/{tool}/"
    answer = walk.send("POST", path, json=body, headers={"Prefer": "wait=30"})
    if answer.status_code == 503 and answer.json()["code"] == "ai_not_configured":
        raise NotConfigured("AI_PROVIDER names no provider")
    if answer.status_code != 201:
        raise Failed(f"POST {path} answered {answer.status_code} instead of 201: {answer.text[:200]}")
    output: dict[str, Any] = answer.json()
    require(bool(output["content"].strip()), "the output is empty")
    return output


def explain(walk: Walk) -> str:
    """Have a topic explained by AI, as it is written."""
    answer = walk.send(
        "POST", "/api/ai-tools/generate/", json={"topic": "Photosynthesis", "level": "beginner"}
    )
    if answer.status_code == 503 and answer.json()["code"] == "ai_not_configured":
        raise NotConfigured("AI_PROVIDER names no provider")
    require(answer.status_code == 202, f"answered {answer.status_code} instead of 202")
    events = walk.ask("GET", answer.json()["events_url"], 200).text
    require("event: succeeded" in events, f"the task did not succeed: {events[-200:]}")
    return f"{events.count('event: token')} pieces"


def improve(walk: Walk) -> str:
    """Have a text improved by AI."""
    return f"by {ask(walk, 'improve', {'content': SOME_TEXT})['provider']}"


def summarize(walk: Walk) -> str:
    """Have a text summarised by AI, and save that to a note."""
    output = ask(walk, "summarize", {"content": SOME_TEXT, "length": "short"})
    saved = walk.ask("POST", f"/api/ai-tools/{output['id']}/save-to-note/", 201, json={}).json()
    walk.ask("GET", f"/api/topics/{saved['topic_id']}/", 200)
    return f"note {saved['note_id']}"


def program(walk: Walk) -> str:
    """Have something programmed by AI, and download the code."""
    body = {"prompt": "Count the words of a text.", "programming_language": "python"}
    output = ask(walk, "code", body)
    source = walk.ask("GET", f"/api/ai-tools/{output['id']}/download/", 200, params={"format": "source"})
    return str(source.headers["Content-Disposition"])


def run_code(walk: Walk) -> str:
    """Run a program in the sandbox."""
    body = {"language": "python", "code": "print(input())", "stdin": "hello"}
    answer = walk.send("POST", "/api/code/run/", json=body)
    if answer.status_code == 503 and answer.json()["code"] == "sandbox_unavailable":
        raise NotConfigured("this server cannot isolate programs, or was told not to run any")
    require(answer.status_code == 200, f"answered {answer.status_code} instead of 200")
    require(answer.json()["stdout"] == "hello\n", f"wrote {answer.text[:200]}")
    return f"{answer.json()['duration_ms']} ms"


def see_what_was_used(walk: Walk) -> str:
    """See tasks, notifications and what is left of the quota."""
    tasks = walk.ask("GET", "/api/tasks/", 200).json()["results"]
    walk.ask("GET", "/api/notifications/", 200)
    walk.ask("POST", "/api/notifications/read-all/", 200)
    quota = walk.ask("GET", "/api/ai-tools/quota/", 200).json()["total"]
    return f"{len(tasks)} tasks, {quota['used']} of {quota['limit']} AI calls"


def close_account(walk: Walk) -> str:
    """Close the account."""
    walk.ask("DELETE", "/api/auth/me/", 202, json={"password": walk.password})
    walk.ask("GET", "/api/auth/me/", 401)
    return "data is being erased"


STEPS: tuple[Callable[[Walk], str], ...] = (
    is_ready,
    refuse_strangers,
    register,
    sign_in,
    refresh,
    write_note,
    read_back,
    find_by_tag,
    page_through,
    edit_safely,
    retry_safely,
    refuse_nonsense,
    use_trash,
    explain,
    improve,
    summarize,
    program,
    run_code,
    see_what_was_used,
    read_documentation,
    close_account,
)
