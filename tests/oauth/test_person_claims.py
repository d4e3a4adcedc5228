from typing import Any

import pytest

from shared.access.rules import Scope
from shared.oauth.person_claims import ClaimRules, Person, PersonError, person_of
from tests.oauth.provider_process import RULES, claims

ROLE = "toetsfeedback_rol_3d"
READS = frozenset({Scope.SCHOOLS_READ, Scope.STUDENTS_READ, Scope.RESULTS_READ})
MANAGES = frozenset({Scope.SCHOOLS_READ, Scope.MANDATES_WRITE, Scope.AUDIT_READ})


def person(**changes: Any) -> Person:
    return person_of(claims(**changes), ClaimRules.model_validate(RULES))


@pytest.mark.parametrize(
    ("changes", "scopes"),
    [
        ({}, READS),
        ({"scope": ["openid", "vo"]}, READS),
        ({ROLE: "Beheerder:000028"}, MANAGES),
        ({ROLE: ["Raadpleger:000028", "Beheerder:000028"]}, READS | MANAGES),
        ({ROLE: ["Raadpleger:000028", "Beheerder:999999", "Kok:000028", 7, None]}, READS),
    ],
)
def test_a_person_has_the_scopes_of_their_roles_at_the_school(
    changes: dict[str, Any], scopes: frozenset[Scope]
) -> None:
    assert person(**changes) == Person("a1b2c3", "000028", scopes)


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"scope": "openid vo2"}, "scope"),
        ({"scope": ["openid"]}, "scope"),
        ({"scope": None}, "scope"),
        ({"scope": {"vo": True}}, "scope"),
        ({"vo_doelgroepcode": "BUR"}, "vo_doelgroepcode"),
        ({"vo_doelgroepcode": None}, "vo_doelgroepcode"),
        ({"vo_doelgroepcode": ["OV"]}, "vo_doelgroepcode"),
        ({"vo_doelgroepcode": {"OV": 1}}, "vo_doelgroepcode"),
        ({"scope": [["vo"]]}, "scope"),
        ({"vo_orgcode": ["000028"]}, "vo_orgcode"),
        ({"vo_id": ["a1b2c3"]}, "vo_id"),
        ({ROLE: [["Raadpleger:000028"]]}, ROLE),
        ({"vo_orgcode": "28"}, "vo_orgcode"),
        ({"vo_orgcode": 28}, "vo_orgcode"),
        ({"vo_orgcode": "000028\n"}, "vo_orgcode"),
        ({"vo_orgcode": None}, "vo_orgcode"),
        ({"vo_id": "a b"}, "vo_id"),
        ({"vo_id": None}, "vo_id"),
        ({ROLE: ["Raadpleger:000036"]}, ROLE),
        ({ROLE: ["Raadpleger"]}, ROLE),
        ({ROLE: ["Kok:000028"]}, ROLE),
        ({ROLE: {"Raadpleger": "000028"}}, ROLE),
        ({ROLE: []}, ROLE),
        ({ROLE: None}, ROLE),
    ],
)
def test_claims_without_a_school_or_a_role_there_are_rejected(
    changes: dict[str, Any], claim: str
) -> None:
    with pytest.raises(PersonError, match=claim):
        person(**changes)


def test_a_role_cannot_have_scopes_that_a_school_cannot_have() -> None:
    with pytest.raises(ValueError, match="jobs:write"):
        ClaimRules.model_validate(RULES | {"roles": {"Beheerder": ["jobs:write"]}})
