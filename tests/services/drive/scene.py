"""People with a Google Drive, and what is in it."""

import uuid
from typing import Any

from sqlalchemy import insert

from noteassist import db
from noteassist.app import NoteAssist
from noteassist.models import AiOutput
from noteassist.worker.runner import Runner
from tests.contract import ai, expect
from tests.people import ApiClient
from tests.services.tasks import scene
from tests.stand_ins.google import CLIENT, GoogleStandIn

KEY = "dGVzdHMgdGVzdHMgdGVzdHMgdGVzdHMgdGVzdHMgMTI="
CALLBACK = "/api/drive/callback/"


def settings_for(google: GoogleStandIn, **changes: Any) -> dict[str, Any]:
    """Give the settings of a server whose Google is the stand-in."""
    return {
        "google_client_id": CLIENT["client_id"],
        "google_client_secret": CLIENT["client_secret"],
        "google_base_url": google.url,
        "google_deadline": 5.0,
        "encryption_keys": (KEY,),
        **changes,
    }


def connect(client: ApiClient, google: GoogleStandIn) -> dict[str, Any]:
    """Connect a Drive as a user does."""
    begun = expect.ok(client.get("/api/drive/connect/"))
    answer = ApiClient(client.app).get(CALLBACK, query_string=google.allow(begun["authorization_url"]))
    return dict(expect.ok(answer))


def upload_note(client: ApiClient, note_id: int, form: str = "md") -> str:
    """Have a note uploaded; gives the task."""
    answer = client.post(f"/api/notes/{note_id}/upload-to-drive/", json={"format": form})
    return str(ai.accepted(answer)["task_id"])


def large_output(client: ApiClient, size: int = 600_001) -> tuple[int, bytes]:
    """Give somebody an output that takes three chunks; gives its id, and its bytes as Markdown."""
    content = "".join(f"{number:07}\n" for number in range(size // 8 + 1))[: size - 1]
    values = {
        "user_id": client.user["id"],
        "task_id": str(uuid.uuid4()),
        "tool": "summarize",
        "title": "Cells",
        "content": content,
        "language": "en",
        "provider": "offline",
        "model": "none",
        "created_at": db.utcnow(),
    }
    with client.app.app_context(), db.transaction():
        row = db.execute(insert(AiOutput).values(**values).returning(AiOutput.id))
        return int(row.scalar_one()), f"{content}\n".encode()


def upload_output(client: ApiClient, output_id: int, **wishes: str) -> str:
    """Have an output uploaded; gives the task."""
    answer = client.post(f"/api/ai-tools/{output_id}/upload-to-drive/", json=wishes)
    return str(ai.accepted(answer)["task_id"])


def notifications(client: ApiClient) -> list[dict[str, Any]]:
    """Give what somebody was told."""
    return list(client.get("/api/notifications/?page_size=100").json["results"])


def runner_of(app: NoteAssist) -> Runner:
    """Give a runner without a heart."""
    return Runner(app, app.config["SETTINGS"])


def work_until_ended(app: NoteAssist, task_id: str, most: int = 30) -> Any:
    """Do what is due, without the pauses between the tries, until a task has ended; gives its row."""
    runner = runner_of(app)
    for _ in range(most):
        while runner.work():
            pass
        row = scene.state(app, task_id)
        if row.status in {"succeeded", "failed", "cancelled"}:
            return row
        scene.make_due(app)
    raise AssertionError(f"not ended after {most} tries: {row.status} {row.message}")
