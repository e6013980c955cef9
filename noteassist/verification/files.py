"""What leaves the server and comes back: programs, documents, imports, Google Drive."""

from noteassist.verification.walk import NotConfigured, Walk, require

# How a file of each form begins.
FORMS = {
    "md": b"---",
    "html": b"<!DOCTYPE html>",
    "pdf": b"%PDF-",
    "docx": b"PK",
    "json": b"{",
    "apkg": b"PK",
}


def run_code(walk: Walk) -> str:
    """Run a program in the sandbox."""
    body = {"language": "python", "code": "print(input())", "stdin": "hello"}
    answer = walk.send("POST", "/api/code/run/", json=body)
    if answer.status_code == 503 and answer.json()["code"] == "sandbox_unavailable":
        raise NotConfigured("this server cannot isolate programs, or was told not to run any")
    require(answer.status_code == 200, f"answered {answer.status_code} instead of 200")
    require(answer.json()["stdout"] == "hello\n", f"wrote {answer.text[:200]}")
    return f"{answer.json()['duration_ms']} ms"


def export(walk: Walk) -> str:
    """Export a note in every form."""
    sizes = []
    for form, beginning in FORMS.items():
        path = f"/api/notes/{walk.note['id']}/export/"
        content = walk.ask("GET", path, 200, params={"format": form}).content
        require(
            content[: len(beginning)].lower() == beginning.lower(), f"that is no {form}: {content[:20]!r}"
        )
        sizes.append(f"{form} {len(content):,}")
    return ", ".join(sizes) + " bytes"


def export_all(walk: Walk) -> str:
    """Export everything as a task, and import it again."""
    body = {"format": "md"}
    answer = walk.ask("POST", "/api/notes/export/", 201, json=body, headers={"Prefer": "wait=30"})
    archive = walk.ask("GET", answer.json()["download_url"], 200).content
    file = {"file": ("notes.zip", archive, "application/zip")}
    path = "/api/notes/import/"
    preview = walk.ask("POST", path, 200, params={"dry_run": "true"}, files=file).json()["would_create"]
    made = walk.ask("POST", path, 201, files=file).json()["created"]
    require(len(made) == len(preview) > 0, f"{len(made)} notes were made instead of {len(preview)}")
    return f"{len(made)} notes in {len(archive):,} bytes"


def use_drive(walk: Walk) -> str:
    """Begin to connect Google Drive."""
    answer = walk.send("GET", "/api/drive/connect/")
    if answer.status_code == 503 and answer.json()["code"] == "drive_not_configured":
        raise NotConfigured("GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET are not set")
    require(answer.status_code == 200, f"answered {answer.status_code} instead of 200")
    return str(answer.json()["authorization_url"]).partition("?")[0]
