"""Who may do what, as a table: any row suffices, and every rule of a row must hold.

What one may not see is 404 by construction (each query asks for the caller's own rows), so this table is
about roles alone.
"""

from collections.abc import Callable
from enum import StrEnum

from noteassist.security.actors import Actor

Rule = Callable[[Actor], bool]


class Permission(StrEnum):
    """What a blueprint may ask of its callers."""

    OWN_DATA = "own_data"
    ADMINISTRATION = "administration"


class Scope(StrEnum):
    """What an API key may be made for, and PERSON for what no key may do."""

    READ = "read"
    WRITE = "write"
    AI = "ai"
    PERSON = "person"


def is_signed_in(_actor: Actor) -> bool:
    """Hold for everybody the guard could identify."""
    return True


def is_admin(actor: Actor) -> bool:
    """Hold for administrators."""
    return actor.role == "admin"


def is_in_person(actor: Actor) -> bool:
    """Hold for those who have signed in: an API key never has its owner's rights over others."""
    return actor.key is None


POLICIES: dict[Permission, list[list[Rule]]] = {
    Permission.OWN_DATA: [[is_signed_in]],
    Permission.ADMINISTRATION: [[is_signed_in, is_admin, is_in_person]],
}


def allows(permission: Permission, actor: Actor) -> bool:
    """Say whether the table lets this caller do that."""
    return any(all(rule(actor) for rule in row) for row in POLICIES[permission])
