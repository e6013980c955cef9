"""Hashes of passwords: those of this release, and those that other implementations of argon2id have made."""

import pytest

from noteassist.security.passwords import hash_password, needs_rehash, verify_password

MEMORY_KIB = 19456
# By the reference implementation (argon2-cffi 25.1), with 19 MiB and 2 passes, and with 8 KiB and 1 pass.
ELSEWHERE = (
    "$argon2id$v=19$m=19456,t=2,p=1$QlHhtKs2F2o3ZYNlChD2vQ$ukcvWcsmlqxTkdMeCRpZKV9SF6XPW2gaZiM6DhSz73o"
)
WEAKER = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRoZXJl$TFVL"
PASSWORD = "correct horse 42"


def test_a_password_is_told_from_another_by_its_hash():
    made = hash_password(PASSWORD, MEMORY_KIB)
    assert verify_password(made, PASSWORD, MEMORY_KIB)
    assert not verify_password(made, PASSWORD + "!", MEMORY_KIB)


def test_two_hashes_of_one_password_differ():
    assert hash_password(PASSWORD, MEMORY_KIB) != hash_password(PASSWORD, MEMORY_KIB)


def test_a_hash_that_the_reference_implementation_has_made_is_understood_and_kept():
    assert verify_password(ELSEWHERE, PASSWORD, MEMORY_KIB)
    assert not verify_password(ELSEWHERE, "correct horse 43", MEMORY_KIB)
    assert not needs_rehash(ELSEWHERE, MEMORY_KIB)


def test_a_hash_says_what_it_cost_and_other_costs_are_made_anew():
    made = hash_password(PASSWORD, MEMORY_KIB)
    assert made.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not needs_rehash(made, MEMORY_KIB)
    assert needs_rehash(made, 2 * MEMORY_KIB) and needs_rehash(WEAKER, MEMORY_KIB)


@pytest.mark.parametrize("nonsense", ["x", "$argon2id$", "é" * 40, "$argon2id$" + "9" * 500, ELSEWHERE[:-8]])
def test_what_is_no_hash_lets_nobody_in(nonsense):
    assert not verify_password(nonsense, PASSWORD, MEMORY_KIB)


def test_nobody_is_let_in_without_a_hash_and_two_forms_of_a_letter_are_one():
    assert not verify_password(None, "no account has this password", MEMORY_KIB)
    assert verify_password(hash_password("cafe\u0301 au lait", 8), "caf\u00e9 au lait", 8)
