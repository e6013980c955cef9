"""The Flask half of security: who is calling? Every blueprint names one of these guards."""

import logging
from functools import partial

from flask import Flask, Response, after_this_request, current_app, g, request
from sqlalchemy.exc import SQLAlchemyError

from noteassist import db
from noteassist.account_errors import InsufficientScope
from noteassist.errors import Forbidden, NotAuthenticated
from noteassist.security import events, keys
from noteassist.security.actors import Actor, KeyUse, Origin
from noteassist.security.permissions import Permission, Scope, allows
from noteassist.security.sessions import Bearer, live_actor, read_bearer

log = logging.getLogger(__name__)


def anyone() -> None:
    """Let everybody in."""


def signed_in() -> None:
    """Let in whoever has an access token of a session that lives, or an API key with the scope that the route names.

    Raises NotAuthenticated, InsufficientScope.
    """
    actor = _read_caller()
    if actor.key is not None:
        _require_scope(actor.key)
    let_in(actor)


def in_person() -> None:
    """Let in whoever has an access token of a session that lives: what is behind this, no API key may do.

    Raises NotAuthenticated, InsufficientScope.
    """
    actor = _read_caller()
    if actor.key is not None:
        raise InsufficientScope("No API key may do this: sign in.")
    let_in(actor)


def admin_only() -> None:
    """Let in administrators with an access token; raises NotAuthenticated, and Forbidden for everybody else."""
    in_person()
    require_admin()


def require_admin() -> None:
    """Refuse a caller who is let in and no administrator; raises Forbidden."""
    actor = current_actor()
    if not allows(Permission.ADMINISTRATION, actor):
        events.happened(events.ROLE_FORBIDDEN, user_id=actor.user_id)
        raise Forbidden


def let_in(actor: Actor) -> None:
    """Let a caller in: for the rest of the request, it is theirs."""
    g.actor = actor
    # For the access line.
    request.environ["noteassist.user"] = actor.user_id


def _read_caller() -> Actor:
    """Give whoever the headers of this request name; raises NotAuthenticated, Forbidden."""
    key, authorization = request.headers.get("X-API-Key"), request.headers.get("Authorization", "")
    if key is None:
        return read_actor(authorization)
    if authorization:
        raise NotAuthenticated("Send an access token or an API key, not both.", code="two_credentials")
    actor, is_use_due = keys.live_key(key, db.utcnow())
    if is_use_due and actor.key is not None:
        _note_use_later(actor.key.key_id)
    return actor


def read_actor(authorization: str) -> Actor:
    """Give whoever an Authorization header names; raises NotAuthenticated, Forbidden."""
    now = db.utcnow()
    return admitted(live_actor(read_bearer(authorization, now), now))


def admitted(actor: Actor | None) -> Actor:
    """Give the caller whose session lives, if they may do anything; raises NotAuthenticated, Forbidden."""
    if actor is None:
        raise NotAuthenticated("This session has ended.", code="invalid_token")
    if not allows(Permission.OWN_DATA, actor):
        events.happened(events.ROLE_FORBIDDEN, user_id=actor.user_id)
        raise Forbidden
    return actor


def _require_scope(use: KeyUse) -> None:
    """Raise InsufficientScope unless a key has the scope of this request's route; one that names none takes no key."""
    view = current_app.view_functions[request.endpoint or ""]
    method = "get" if request.method == "HEAD" else request.method.lower()
    handler = getattr(getattr(view, "view_class", None), method, None)
    scope = getattr(handler, "scope", Scope.PERSON)
    if scope == Scope.PERSON:
        raise InsufficientScope("No API key may do this: sign in.")
    if scope not in use.scopes:
        raise InsufficientScope(f"This needs an API key with the scope “{scope}”.")


def _note_use_later(key_id: int) -> None:
    """Note a key's use when the answer has been sent: nobody waits for it."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  # the documented way

    @after_this_request
    def later(response: Response) -> Response:
        response.call_on_close(partial(_note_use, app, key_id))
        return response


def _note_use(app: Flask, key_id: int) -> None:
    with app.app_context():
        try:
            with db.transaction():
                keys.note_use(key_id)
        except SQLAlchemyError as error:
            log.warning("the use of an API key was not noted: %s", type(error).__name__)


def is_still_signed_in(actor: Actor) -> bool:
    """Say whether the session or the key of a caller, and the account, still live: for answers that take long."""
    if actor.key is not None:
        return keys.still_lives(actor, actor.key, db.utcnow())
    return live_actor(Bearer(actor.user_id, actor.session_id), db.utcnow()) is not None


def current_actor() -> Actor:
    """Give the caller that the guard let in."""
    actor: Actor = g.actor
    return actor


def current_origin() -> Origin:
    """Tell the caller's device and address."""
    device = " ".join(request.headers.get("User-Agent", "").split())[:255]
    return Origin(
        device=device,
        ip=request.environ.get("noteassist.client", ""),
        request_id=request.environ.get("noteassist.request_id", ""),
    )
