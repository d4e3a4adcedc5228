"""Changes of pupils, drawn at random: the rows that deliver them, and what they lead to."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from tests.worker.jobs.pupils import (
    CLASS_GROUPS,
    COMPONENTS,
    FIRST,
    LEVELS,
    MERGED,
    SECOND,
    Person,
    Pupils,
    result_row,
    student_row,
)

PEOPLE = [Person(number, f"Familie{chr(64 + number)}") for number in range(1, 8)]
CODES = ["p1", "p2", "p3", "p4"]
NEW_NUMBERS = range(8, 12)


@dataclass
class Rows:
    """The rows of a correction, the earlier numbers by code, and whether they are accepted."""

    students: list[list[str]] = field(default_factory=list)
    results: list[list[str]] = field(default_factory=list)
    previous: dict[str, int] = field(default_factory=dict)
    is_accepted: bool = True

    @property
    def ended(self) -> list[list[str]]:
        return [row for row in self.students if "ended" in row]


@dataclass(repr=False)
class Changes:
    """Changes of codes in one delivery, from the pupils `before` to those `after`."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    before: Pupils
    after: Pupils
    rows: Rows
    is_full: bool = False

    def apply(self, code: str) -> None:
        """Draw one change that is possible for the code, and make it."""
        enrolled = self.before.schools_of(code)
        elsewhere = [school for school in self.before.schools if school not in enrolled]
        changes: list[Callable[[str], None]] = []
        if elsewhere:
            changes.append(self._enrol)
        if enrolled:
            changes += [self._change_level, self._change_level, self._end, self._rename]
            changes += [self._renumber, self._give_to_another, self._forget_number]
        if enrolled and elsewhere:
            changes += [self._move, self._move]
        if changes:
            self.draw(st.sampled_from(changes))(code)

    def _change_level(self, code: str) -> None:
        component = self.draw(st.sampled_from(COMPONENTS))
        level = self.draw(st.sampled_from([None, *LEVELS]))
        self.rows.results.append(result_row(code, component, level))
        if level is None:
            self.after.levels.pop((code, component), None)
        else:
            self.after.levels[code, component] = level

    def _enrol(self, code: str) -> None:
        enrolled = self.before.schools_of(code)
        elsewhere = [school for school in self.before.schools if school not in enrolled]
        school = self.draw(st.sampled_from(elsewhere))
        class_group = self.draw(st.sampled_from(CLASS_GROUPS[school]))
        person = self._person(code) if enrolled else self.draw(st.sampled_from(PEOPLE))
        self._put(code, school, class_group, person)

    def _end(self, code: str) -> None:
        school = self._one_school(code)
        self.after.end(code, school)
        key = code, school
        row = student_row(key, self.before.enrolments[key], self._person(code), "ended")
        self.rows.students.append(row)

    def _move(self, code: str) -> None:
        self._enrol(code)
        self._end(code)

    def _rename(self, code: str) -> None:
        name = self.draw(st.sampled_from(PEOPLE)).family_name
        key = code, self._one_school(code)
        person = replace(self.before.people[key], family_name=name)
        self._put(*key, self.before.enrolments[key], person)

    def _renumber(self, code: str) -> None:
        previous = self.before.number_of(code)
        number = self.draw(st.sampled_from([n for n in NEW_NUMBERS if n != previous]))
        if previous:
            self.rows.previous[code] = previous
        for school in self._rows_of(code):
            person = replace(self.before.people[code, school], number=number)
            self._put(code, school, self.before.enrolments[code, school], person, previous)

    def _give_to_another(self, code: str) -> None:
        person = self.draw(st.sampled_from(PEOPLE))
        for school in self._rows_of(code):
            self._put(code, school, self.before.enrolments[code, school], person)

    def _forget_number(self, code: str) -> None:
        key = code, self._one_school(code)
        person = replace(self.before.people[key], number=0)
        self._put(*key, self.before.enrolments[key], person)

    def _put(
        self, code: str, school: str, class_group: str, person: Person, previous: int = 0
    ) -> None:
        self.rows.is_accepted &= self.before.accepts(code, school, person, previous)
        self.after.put(code, school, class_group, person, previous)
        row = student_row((code, school), class_group, person, "active", previous)
        self.rows.students.append(row)

    def _person(self, code: str) -> Person:
        school = self.before.schools_of(code)[0]
        return replace(self.before.people[code, school], number=self.before.number_of(code))

    def _one_school(self, code: str) -> str:
        return str(self.draw(st.sampled_from(self.before.schools_of(code))))

    def _rows_of(self, code: str) -> list[str]:
        """Return the schools with a row of the code: all in a full delivery, else one."""
        return self.before.schools_of(code) if self.is_full else [self._one_school(code)]


def merge_or_split(before: Pupils, after: Pupils, rows: Rows) -> None:
    """Move all pupils to the merged school, or back to the first one."""
    target = FIRST if MERGED in before.schools else MERGED
    after.schools = (FIRST, SECOND) if target == FIRST else (MERGED,)
    for code, school in [*after.enrolments]:
        person, previous = after.people[code, school], rows.previous.get(code, 0)
        after.end(code, school)
        if school != target and (code, school) not in before.enrolments:
            after.restore(code, school, before)
        if (code, target) not in after.enrolments:
            rows.is_accepted &= before.accepts(code, target, person, previous)
            after.put(code, target, CLASS_GROUPS[target][0], person, previous)
    rows.students.clear()
