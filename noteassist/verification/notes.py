"""Writing, finding and changing notes."""

import secrets

from noteassist.verification.walk import Walk, require


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


def search(walk: Walk) -> str:
    """Search, as a phrase, by the beginning of a word, and with a typing error."""
    for words in ('"light splits water"', "oxyg", "photosyntesis"):
        hits = walk.ask("GET", "/api/search/", 200, params={"q": words}).json()["results"]
        require(bool(hits), f"nothing was found for {words}")
    return f"{len(hits)} results"


def go_back(walk: Walk) -> str:
    """See what a change was, and go back to before it."""
    path = f"/api/notes/{walk.note['id']}/"
    walk.ask("PATCH", path, 200, json={"title": "Chemistry"})
    newest = walk.ask("GET", f"{path}revisions/", 200).json()["results"][0]["number"]
    before = f"{path}revisions/{newest - 1}/"
    diff = walk.ask("GET", f"{before}diff/", 200, params={"against": newest}).json()["diff"]
    require("Chemistry" in diff, f"the diff does not tell of the change: {diff[:100]}")
    restored = walk.ask("POST", f"{before}restore/", 200).json()
    require(restored["title"] == walk.note["title"], "the note is not as it was")
    return f"revision {newest - 1} of {newest}"


def see_progress(walk: Walk) -> str:
    """See on the dashboard what was written today."""
    shown = walk.ask("GET", "/api/dashboard/", 200).json()
    listed = walk.ask("GET", "/api/notes/", 200, params={"page_size": 100}).json()["results"]
    statistics, today = shown["overview"]["statistics"], shown["weekly_progress"]["data"][-1]
    counts = {statistics["total_notes"], statistics["notes_this_week"], len(listed)}
    require(
        len(counts) == 1, f"the dashboard counts {statistics['total_notes']} notes, the list {len(listed)}"
    )
    require(shown["weekly_progress"]["streak"]["current"] >= 1, "today is no day of study")
    return f"{today['notes']} notes today"
