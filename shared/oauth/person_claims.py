"""Who a person is to us, by what the outside OpenID provider says: pure rules on its claims."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

from shared.access.rules import SCHOOL_SCOPES, Scope

SCHOOL_ID = re.compile("[0-9]{6}")
SUBJECT = re.compile("[A-Za-z0-9_-]{1,128}")


class PersonError(ValueError):
    """Someone whom we give no token; the message names the claim, never its value."""


class NoRoleError(PersonError):
    """A person who has no role at the school (any more)."""

    def __init__(self, reason: str, person: "Person") -> None:
        super().__init__(reason)
        self.person = person


class ClaimRules(BaseModel):
    """Which claims say what, and what a role may do; the defaults are those of ACM/IDM."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scope: str = "vo"
    subject_claim: str = "vo_id"
    target_group_claim: str = "vo_doelgroepcode"
    target_groups: frozenset[str] = frozenset({"OV"})
    school_claim: str = "vo_orgcode"
    role_claim: str
    roles: dict[str, frozenset[Scope]]

    @model_validator(mode="after")
    def _roles_stay_within_a_school(self) -> Self:
        excess = {scope for scopes in self.roles.values() for scope in scopes} - SCHOOL_SCOPES
        if excess:
            raise ValueError(f"no person at a school can have {', '.join(sorted(excess))}")
        return self


@dataclass(frozen=True, slots=True)
class Person:
    """Someone at one school; `subject` is the provider's pseudonym for them."""

    subject: str
    school_id: str
    scopes: frozenset[Scope]


def person_of(claims: Mapping[str, Any], rules: ClaimRules) -> Person:
    """Return the person of the claims.

    Raises:
        NoRoleError: when the person has no role at the school.
        PersonError: when the claims do not identify a person at a school.
    """
    if rules.scope not in _scopes(claims.get("scope")):
        raise PersonError(f"scope does not hold {rules.scope}")
    school_id, subject = claims.get(rules.school_claim), claims.get(rules.subject_claim)
    if not isinstance(school_id, str) or not SCHOOL_ID.fullmatch(school_id):
        raise PersonError(f"{rules.school_claim} is not a school number")
    if not isinstance(subject, str) or not SUBJECT.fullmatch(subject):
        raise PersonError(f"{rules.subject_claim} is not an id")
    nobody = Person(subject, school_id, frozenset())
    if claims.get(rules.target_group_claim) not in rules.target_groups:
        raise NoRoleError(f"{rules.target_group_claim} is not that of schools", nobody)
    roles = _roles_at(school_id, claims.get(rules.role_claim))
    scopes = frozenset().union(*(rules.roles.get(role, frozenset()) for role in roles))
    if not scopes:
        raise NoRoleError(f"{rules.role_claim} has no role for us at the school itself", nobody)
    return Person(subject, school_id, scopes)


def _scopes(value: object) -> list[object]:
    """The provider sends a text with spaces, or a list."""
    if isinstance(value, str):
        return [*value.split()]
    return value if isinstance(value, list) else []


def _roles_at(school_id: str, value: object) -> Iterator[str]:
    """Of values like `Role:123456`, or one of them, those whose organisation is the school."""
    for given in value if isinstance(value, list) else [value]:
        role, _, organisation = given.rpartition(":") if isinstance(given, str) else ("", "", "")
        if organisation == school_id:
            yield role
