"""A model of the pupils of three schools, and the deliveries that change it.

The third school is a merger of the other two. Each pupil has a code, and each enrolment its names
and INSZ, as the delivery gave them.
"""

from copy import deepcopy
from dataclasses import dataclass, field, replace

from tests.deliveries.delivery_files import DeliveryFiles, full, insz, manifest_of

FIRST, SECOND, MERGED = "000028", "007947", "000036"
CLASS_GROUPS = {FIRST: ("4A", "4B"), SECOND: ("4C",), MERGED: ("4M",)}
COMPONENTS = ("LEZ4", "WIS4")
LEVELS = ("E", "D", "C")
STUDENT_COLUMNS = [
    *("student", "school", "class_group", "family_name", "given_name", "stamnummer", "insz"),
    *("enrolment", "previous_insz"),
]
RESULT_COLUMNS = ["student", "component", "status", "level", "scale_score"]


@dataclass(frozen=True)
class Person:
    """A pupil with names that no other has; `number` 0 is an unknown INSZ."""

    number: int
    family_name: str
    given_name: str = "Kim"

    @property
    def insz(self) -> str:
        return insz(f"850101{self.number:03}") if self.number else ""


Enrolment = tuple[str, str]
"""A code and a school."""


@dataclass
class Pupils:
    """Who is where: the enrolments with their class groups, and the levels by code and component.

    `people` and `numbers` are of all enrolments that were ever stored.
    """

    schools: tuple[str, ...] = (FIRST, SECOND)
    enrolments: dict[Enrolment, str] = field(default_factory=dict)
    people: dict[Enrolment, Person] = field(default_factory=dict)
    numbers: dict[Enrolment, int] = field(default_factory=dict)
    levels: dict[tuple[str, str], str] = field(default_factory=dict)

    def number_of(self, code: str) -> int:
        """Return the INSZ that the enrolments of the code have, 0 if it is unknown."""
        return max((self.numbers[code, school] for school in self.schools_of(code)), default=0)

    def copy(self) -> "Pupils":
        return deepcopy(self)

    def schools_of(self, code: str) -> list[str]:
        return [school for enrolled, school in self.enrolments if enrolled == code]

    def accepts(self, code: str, school: str, person: Person, previous: int = 0) -> bool:
        """Return whether the code can stand for this person, as far as numbers are known."""
        if not person.number:
            return True
        allowed = {person.number, previous}
        own = self.numbers.get((code, school), 0)
        if own and own not in allowed:
            return False
        others = {self.numbers.get((code, other), 0) for other in self.schools_of(code)} - {0}
        return not others or bool(others & allowed)

    def put(
        self, code: str, school: str, class_group: str, person: Person, previous: int = 0
    ) -> None:
        """Add or change an enrolment, as a delivery that was applied does."""
        enrolment = code, school
        self.enrolments[enrolment] = class_group
        self.people[enrolment] = person
        if previous:
            for key, number in self.numbers.items():
                if key[0] == code and number == previous:
                    self.numbers[key] = person.number
                    if self.people[key].number == previous:
                        self.people[key] = replace(self.people[key], number=person.number)
        self.numbers[enrolment] = person.number or self.numbers.get(enrolment, 0)

    def end(self, code: str, school: str) -> None:
        del self.enrolments[code, school]

    def restore(self, code: str, school: str, before: "Pupils") -> None:
        """Restore what was stored of an enrolment that is not in the delivery after all."""
        enrolment = code, school
        self.people.pop(enrolment, None)
        self.numbers.pop(enrolment, None)
        if enrolment in before.people:
            self.people[enrolment] = before.people[enrolment]
            self.numbers[enrolment] = before.numbers[enrolment]

    def forget_levels(self) -> None:
        """Remove the levels of codes without an enrolment."""
        enrolled = {code for code, _ in self.enrolments}
        self.levels = {key: level for key, level in self.levels.items() if key[0] in enrolled}


def student_row(
    enrolment: Enrolment, class_group: str, person: Person, state: str = "", previous: int = 0
) -> list[str]:
    names = (person.family_name, person.given_name, "")
    before = Person(previous, "").insz if person.number else ""
    return [*enrolment, class_group, *names, person.insz, state, before]


def result_row(code: str, component: str, level: str | None) -> list[str]:
    """Return a result with the level, or one that withdraws it."""
    return [code, component, "reported" if level else "withdrawn", level or "", ""]


def empty_delivery(sequence: int, mode: str) -> DeliveryFiles:
    delivery = DeliveryFiles({}, manifest_of(sequence, mode))
    delivery.manifest |= {"formatVersion": "1.1", "allowRemovals": 1000}
    return delivery


def whole_delivery(sequence: int, pupils: Pupils, previous: dict[str, int]) -> DeliveryFiles:
    """Return a full delivery of all pupils; `previous` has the earlier numbers by code."""
    delivery = empty_delivery(sequence, "full")
    small = full()
    delivery.administration = small.administration
    for file in ("target_groups.csv", "levels.csv"):
        delivery.rows[file] = small.rows[file]
    delivery.rows["components.csv"] = small.rows["components.csv"][:3]
    delivery.rows["level_descriptions.csv"] = [
        ["component", "level", "text"],
        *([one, level, description(one, level)] for one in COMPONENTS for level in LEVELS),
    ]
    delivery.rows["schools.csv"] = [small.rows["schools.csv"][0]]
    delivery.rows["class_groups.csv"] = [small.rows["class_groups.csv"][0]]
    for school in pupils.schools:
        succeeds = f"{FIRST}|{SECOND}" if school == MERGED else ""
        name = {FIRST: "De Wilg", SECOND: "Ter Linde", MERGED: "Wilg en Linde"}[school]
        delivery.add("schools.csv", school, name, "Genk", "211", "", succeeds)
        for class_group in CLASS_GROUPS[school]:
            delivery.add("class_groups.csv", school, class_group, "LO4", "", "")
    delivery.rows["students.csv"] = [
        STUDENT_COLUMNS,
        *(
            student_row(key, class_group, pupils.people[key], "", previous.get(key[0], 0))
            for key, class_group in pupils.enrolments.items()
        ),
    ]
    results = (result_row(*key, level) for key, level in pupils.levels.items())
    delivery.rows["results.csv"] = [RESULT_COLUMNS, *results]
    return delivery


def description(component: str, level: str) -> str:
    """Return a description that no other level of any component has."""
    return f"Kan{component}{level} alleen."
