"""People to be in development: invented, with a role at one school, or at a viewing location."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROLE_CLAIM: Final = "toetsfeedback_rol_3d"
CLASS_GROUPS_CLAIM: Final = "toetsfeedback_klassen"

ROLES: Final = {
    "Directie": [
        *("schools:read", "students:read", "results:read", "documents:read", "releases:read"),
        *("handOvers:read", "handOvers:write", "declarations:write", "audit:read"),
        *("mandates:read", "mandates:write", "feedback:read", "viewings:read", "viewings:write"),
    ],
    "Leerkracht": [
        *("schools:read", "students:read", "results:read", "documents:read", "releases:read"),
        "handOvers:read",
    ],
    "Secretariaat": [
        *("schools:read", "students:read", "documents:read", "releases:read"),
        *("handOvers:read", "handOvers:write", "viewings:read", "viewings:write"),
    ],
}
"""The scopes of the API for each role at a school."""

OFFICERS: Final = {
    "target_group": "GID",
    "organisation": "OVO000000",
    "role": "Inzagebegeleider",
}
"""The people who can be viewing officers: those of one organisation that is no school."""

OFFICER_CODE: Final = "officer"

CLAIM_RULES: Final = {"role_claim": ROLE_CLAIM, "roles": ROLES, "officers": OFFICERS}
"""How the API reads the claims of these people."""


@dataclass(frozen=True, slots=True)
class InventedPerson:
    """A person; a teacher has one class group."""

    code: str
    name: str
    task: str
    role: str
    has_class_group: bool = False
    is_officer: bool = False

    def claims(self, school_id: str, class_group: str) -> dict[str, Any]:
        """Return the claims of the person at a school, in the names of ACM/IDM."""
        target_group, organisation = "OV", school_id
        if self.is_officer:
            target_group, organisation = OFFICERS["target_group"], OFFICERS["organisation"]
        return {
            "sub": self.code,
            "name": self.name,
            "vo_id": self.code,
            "vo_doelgroepcode": target_group,
            "vo_orgcode": organisation,
            "vo_orgnaam": f"Organisatie {organisation}",
            ROLE_CLAIM: [f"{self.role}:{organisation}"],
            CLASS_GROUPS_CLAIM: [class_group] if self.has_class_group and class_group else [],
        }


PEOPLE: Final = (
    InventedPerson("head", "Dirk Directeur", "Directeur: ziet en doet alles", "Directie"),
    InventedPerson(
        "teacher", "Lies Leerkracht", "Leerkracht van één klas", "Leerkracht", has_class_group=True
    ),
    InventedPerson("secretary", "Sam Secretaris", "Secretariaat: overhandigt", "Secretariaat"),
    InventedPerson(
        OFFICER_CODE,
        "Ilse Inzage",
        "Begeleider van de inzage: ziet alleen de balie",
        OFFICERS["role"],
        is_officer=True,
    ),
    InventedPerson("onlooker", "Olga Onbekend", "Zonder rechten op deze school", "Bezoeker"),
)


@dataclass(frozen=True, slots=True)
class DefaultSchool:
    """The school and the class group that the page offers, as the demo wrote them to a file."""

    school_id: str = ""
    class_group: str = ""

    @classmethod
    def read(cls, file: Path) -> "DefaultSchool":
        try:
            found = json.loads(file.read_bytes())
            return cls(str(found["school_id"]), str(found["class_group"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def to_json(self) -> bytes:
        return json.dumps({"school_id": self.school_id, "class_group": self.class_group}).encode()
