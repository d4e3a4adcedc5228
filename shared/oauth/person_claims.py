"""Rules that map the claims of the identity provider to a person at a school, with scopes.

Viewing officers belong to no school.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

from shared.access.rules import OFFICER_SCOPES, SCHOOL_SCOPES, Scope

SCHOOL_ID = re.compile("[0-9]{6}")
SUBJECT = re.compile("[A-Za-z0-9_-]{1,128}")


class PersonError(ValueError):
    """A person who cannot get a token; the message names the claim, never its value."""


class NoRoleError(PersonError):
    """A person who has no role at the school (any more)."""

    def __init__(self, reason: str, person: "Person") -> None:
        super().__init__(reason)
        self.person = person


class OfficerRules(BaseModel):
    """The people who can be viewing officers: those with a role at one organisation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target_group: str
    organisation: str
    role: str


class ClaimRules(BaseModel):
    """The names of the claims, and the scopes per role; the defaults are those of ACM/IDM."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scope: str = "vo"
    subject_claim: str = "vo_id"
    target_group_claim: str = "vo_doelgroepcode"
    target_groups: frozenset[str] = frozenset({"OV"})
    school_claim: str = "vo_orgcode"
    role_claim: str
    roles: dict[str, frozenset[Scope]]
    officers: OfficerRules | None = None

    @model_validator(mode="after")
    def _roles_have_school_scopes_only(self) -> Self:
        excess = {scope for scopes in self.roles.values() for scope in scopes} - SCHOOL_SCOPES
        if excess:
            raise ValueError(f"a role cannot have {', '.join(sorted(excess))}, which no school has")
        return self

    @model_validator(mode="after")
    def _officers_are_of_no_school(self) -> Self:
        if self.officers is not None and self.officers.target_group in self.target_groups:
            raise ValueError("the target group of officers cannot be one of schools")
        return self


@dataclass(frozen=True, slots=True)
class Person:
    """A person at one school, or an officer; `subject` is their pseudonym at the provider."""

    subject: str
    school_id: str | None
    scopes: frozenset[Scope]


def person_of(claims: Mapping[str, Any], rules: ClaimRules) -> Person:
    """Return the person of the claims.

    Raises:
        NoRoleError: when the person has no role at the school.
        PersonError: when the claims identify neither a person at a school nor an officer.
    """
    if rules.scope not in _scopes(claims.get("scope")):
        raise PersonError(f"scope does not contain {rules.scope}")
    school_id, subject = claims.get(rules.school_claim), claims.get(rules.subject_claim)
    target_group = claims.get(rules.target_group_claim)
    if not isinstance(subject, str) or not SUBJECT.fullmatch(subject):
        raise PersonError(f"{rules.subject_claim} is not a valid identifier")
    if rules.officers is not None and target_group == rules.officers.target_group:
        return _officer(subject, claims, rules, rules.officers)
    if not isinstance(school_id, str) or not SCHOOL_ID.fullmatch(school_id):
        raise PersonError(f"{rules.school_claim} is not a school number")
    nobody = Person(subject, school_id, frozenset())
    if not isinstance(target_group, str) or target_group not in rules.target_groups:
        raise NoRoleError(f"{rules.target_group_claim} is not a target group of schools", nobody)
    roles = _roles_at(school_id, claims.get(rules.role_claim))
    scopes = frozenset().union(*(rules.roles.get(role, frozenset()) for role in roles))
    if not scopes:
        raise NoRoleError(f"{rules.role_claim} has no known role at this school", nobody)
    return Person(subject, school_id, scopes)


def _officer(
    subject: str, claims: Mapping[str, Any], rules: ClaimRules, officers: OfficerRules
) -> Person:
    """Return an officer, who signed on for the organisation and has the role there."""
    is_there = claims.get(rules.school_claim) == officers.organisation
    roles = _roles_at(officers.organisation, claims.get(rules.role_claim))
    if not is_there or officers.role not in roles:
        nobody = Person(subject, None, frozenset())
        raise NoRoleError(f"{rules.role_claim} has no role of viewing officers", nobody)
    return Person(subject, None, OFFICER_SCOPES)


def _scopes(value: object) -> list[object]:
    """Return the scopes of a claim: the provider sends a list, or a string with spaces."""
    if isinstance(value, str):
        return [*value.split()]
    return value if isinstance(value, list) else []


def _roles_at(school_id: str, value: object) -> Iterator[str]:
    """Yield the roles at the school, from one value like `Role:123456` or a list of them."""
    for entry in value if isinstance(value, list) else [value]:
        role, _, organisation = entry.rpartition(":") if isinstance(entry, str) else ("", "", "")
        if organisation == school_id:
            yield role
