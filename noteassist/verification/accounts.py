"""The server itself, and the account of whoever walks."""

import io
import zipfile

from noteassist.verification.walk import Walk, require


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


def use_key(walk: Walk) -> str:
    """Make an API key that may read, use it, and revoke it."""
    wish = {"name": "verify", "scopes": ["read"]}
    made = walk.ask("POST", "/api/auth/api-keys/", 201, json=wish).json()
    key = {"X-API-Key": made["key"]}
    answers = [
        walk.client.get("/api/notes/", headers=key),
        walk.client.post("/api/notes/", headers=key, json={"title": "By a key"}),
    ]
    walk.ask("DELETE", f"/api/auth/api-keys/{made['id']}/", 204)
    answers.append(walk.client.get("/api/notes/", headers=key))
    found = [answer.status_code for answer in answers]
    require(found == [200, 403, 401], f"reading, writing and a revoked key were answered {found}")
    return "reads, does not write, ends"


def take_everything_along(walk: Walk) -> str:
    """Export everything of the account."""
    content = walk.ask("GET", "/api/auth/me/export/", 200).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        require("notes.json" in archive.namelist() and archive.testzip() is None, "the file is not whole")
        return f"{len(archive.namelist())} files"


def read_documentation(walk: Walk) -> str:
    """Read the API's documentation."""
    document = walk.ask("GET", "/api/openapi.json", 200).json()
    walk.ask("GET", "/api/docs/", 200)
    return f"{len(document['paths'])} paths"


def close_account(walk: Walk) -> str:
    """Close the account."""
    walk.ask("DELETE", "/api/auth/me/", 202, json={"password": walk.password})
    walk.ask("GET", "/api/auth/me/", 401)
    return "data is being erased"
