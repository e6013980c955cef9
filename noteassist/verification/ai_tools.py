"""The AI tools, and what is left of their quota."""

from typing import Any

from noteassist.verification.walk import Failed, NotConfigured, Walk, require

SOME_TEXT = (
    "Plants make sugar from light, water and carbon dioxide. Light splits water in the the thylakoids. "
    "Oxygen leaves the leaf. The Calvin cycle binds carbon dioxide, and sugar is made of it. "
    "Without light the first step stops, and soon the second one too."
)


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


def see_what_was_used(walk: Walk) -> str:
    """See tasks, notifications and what is left of the quota."""
    tasks = walk.ask("GET", "/api/tasks/", 200).json()["results"]
    walk.ask("GET", "/api/notifications/", 200)
    walk.ask("POST", "/api/notifications/read-all/", 200)
    quota = walk.ask("GET", "/api/ai-tools/quota/", 200).json()["total"]
    return f"{len(tasks)} tasks, {quota['used']} of {quota['limit']} AI calls"
