"""Answering with what a program did: the request waits for it and holds neither a slot nor a connection."""

from flask import Response

from noteassist import db
from noteassist.api import idempotency
from noteassist.api.answers import VARY, to_json
from noteassist.api.settings import current_settings
from noteassist.api.streams import current_share, leave_slot
from noteassist.errors import SandboxBusy
from noteassist.services.sandbox.programs import Program, longest_run, run_program

HEADERS = {"Cache-Control": "no-store", "Vary": VARY}


def answer_run(program: Program) -> Response:
    """Run a program and answer with what it wrote; raises what `run_program` does."""
    give_back = current_share().take()
    if give_back is None:
        raise SandboxBusy
    try:
        settings = current_settings()
        idempotency.keep(_broken_off(), is_final=False, seconds=longest_run(settings))
        db.checkpoint()
        db.after_rollback(idempotency.forget)
        leave_slot()
        outcome = run_program(settings, program)
    finally:
        give_back()
    return Response(to_json(outcome), 200, HEADERS, mimetype="application/json")


def _broken_off() -> Response:
    """Make what a repeated request is told when this process dies meanwhile."""
    body = {"code": "run_broken_off", "detail": "The program's end is not known; run it with another key."}
    return Response(to_json(body), headers=HEADERS, mimetype="application/json")
