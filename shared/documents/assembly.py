"""Assembly of the rows of one school into the content of its documents; pure and deterministic."""

from base64 import b32encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from shared.documents import content
from shared.documents.build_repository import BUILT_PRODUCT, SchoolRows, StudentRow
from shared.documents.hand_out_lists.content import (
    HandOutEntry,
    HandOutListContent,
    MissingReason,
)
from shared.documents.school_feedback.assembly import OpeningFeedback, feedback_of_openings
from shared.documents.viewing_periods import viewing_periods
from shared.documents.wording import Outcome, wording_of
from shared.releases.rules import ComponentFacts, is_left_out
from shared.results.models import Component, TargetGroup

TOOK_PART = frozenset({content.REPORTED, "absent", "exempt", "notCompleted"})
"""The statuses of a student who was expected at the tests, and whose outcome may be shown."""

DOCUMENT_NUMBER_LENGTH = 10


@dataclass(frozen=True, slots=True)
class StudentFiche:
    """A fiche to build; `component_ids` are the components that it shows.

    `possible_sections` are those that it would have at other levels.
    """

    student_id: UUID
    component_ids: tuple[int, ...]
    possible_sections: content.PossibleSections
    content: content.FicheContent


@dataclass(frozen=True, slots=True)
class StudentWithoutFiche:
    """A student without a fiche; `component_ids` are the components that the reason is about."""

    student_id: UUID
    component_ids: tuple[int, ...]
    reason: MissingReason


@dataclass(frozen=True, slots=True)
class ClassGroupFiches:
    """The fiches of one class group, in the order of the class list, and its hand-out list.

    `missing` are the students who get none whatever is rendered.
    """

    class_group_id: UUID
    name: str
    fiches: tuple[StudentFiche, ...]
    missing: tuple[StudentWithoutFiche, ...]
    hand_out_list: HandOutListContent


@dataclass(frozen=True, slots=True)
class SchoolOverview:
    component_ids: tuple[int, ...]
    content: content.OverviewContent


@dataclass(frozen=True, slots=True)
class SchoolContent:
    """The content of all documents of a school; without results of its students there are none.

    `feedback` has the documents of school feedback, of which there are none before its figures.

    `facts_revision` is read before all other facts. A delivery that is applied in between therefore
    makes the documents outdated, and outdated facts never look current.
    """

    administration_id: str
    administration_name: str
    school_id: str
    facts_revision: int
    class_groups: tuple[ClassGroupFiches, ...]
    overview: SchoolOverview | None
    feedback: tuple[OpeningFeedback, ...] = ()


def document_number(administration_id: str, school_id: str, delivered_as: str) -> str:
    """Return a short number that is the same in every build, and opaque."""
    key = f"{administration_id}\x1f{school_id}\x1f{delivered_as}".encode()
    return b32encode(sha256(key).digest()).decode()[:DOCUMENT_NUMBER_LENGTH]


class SchoolAssembler:
    """An assembler of document content, which joins the rows of one school once."""

    def __init__(self, rows: SchoolRows) -> None:
        self._rows = rows
        self._students = sorted(rows.students, key=attrgetter("sort_key"))
        components = [c for c in rows.catalogue.components if _is_shown(c, rows)]
        shown = {component.id for component in components}
        self._components: dict[int, list[Component]] = {}
        for component in components:
            self._components.setdefault(component.target_group_id, []).append(component)
        self._target_groups = {group.id: group for group in rows.catalogue.target_groups}
        self._wording = wording_of(rows.catalogue)
        self._outcomes: dict[UUID, dict[int, Outcome]] = {}
        for student_id, component_id, status, level_id in rows.results:
            if component_id in shown:
                self._outcomes.setdefault(student_id, {})[component_id] = status, level_id
        self._school = _school_facts(rows)
        self._viewing_periods = {
            group.id: viewing_periods(rows.viewing_windows, group.id)
            for group in rows.catalogue.target_groups
        }

    def assemble(self) -> SchoolContent:
        participation = self._rows.participation
        return SchoolContent(
            participation.administration_id,
            self._wording.administration.name,
            participation.school_id,
            participation.facts_revision,
            tuple(self._class_groups()),
            self._overview(),
            feedback_of_openings(self._rows, self._wording.administration, self._school),
        )

    def _class_groups(self) -> Iterator[ClassGroupFiches]:
        """Yield the class groups with components to show, unless the school has no results."""
        for _, group in groupby(self._students, attrgetter("class_group_id")):
            members = tuple(group)
            if self._outcomes and self._of_target_group(members[0].target_group_id):
                yield self._class_group(members)

    def _class_group(self, members: Sequence[StudentRow]) -> ClassGroupFiches:
        fiches = tuple(fiche for one in members if (fiche := self._fiche(one)))
        missing = tuple(found for one in members if (found := self._missing_fiche(one)))
        reasons = {one.student_id: one.reason for one in missing}
        entries = (
            HandOutEntry(
                family_name=student.family_name,
                given_name=student.given_name,
                stamnummer=student.stamnummer,
                document_number=self._fiche_number(student),
                missing=reasons.get(student.id),
            )
            for student in members
        )
        first = members[0]
        hand_out_list = HandOutListContent(
            administration=self._wording.administration,
            school=self._school,
            target_group_name=self._target_groups[first.target_group_id].name,
            class_group=first.class_group,
            site_name=first.site_name,
            entries=tuple(entries),
        )
        return ClassGroupFiches(
            first.class_group_id, first.class_group, fiches, missing, hand_out_list
        )

    def _missing_fiche(self, student: StudentRow) -> StudentWithoutFiche | None:
        """Return why there is no fiche of a student; None if there is one.

        Without any result, the reason is about all components that the student could have had.
        """
        if self._fiche_number(student) is not None:
            return None
        outcomes = self._outcomes.get(student.id, {})
        statuses = {status for status, _ in outcomes.values()}
        if not statuses:
            components = self._of_target_group(student.target_group_id)
            return StudentWithoutFiche(
                student.id, tuple(c.id for c in components), MissingReason.NO_RESULT
            )
        is_withheld = statuses != {content.NOT_ASSIGNED}
        reason = MissingReason.WITHHELD if is_withheld else MissingReason.NOT_ASSIGNED
        return StudentWithoutFiche(student.id, tuple(outcomes), reason)

    def _fiche(self, student: StudentRow) -> StudentFiche | None:
        """Return the fiche of a student; None if the student did not take part in any component."""
        outcomes = self._outcomes.get(student.id, {})
        number = self._fiche_number(student)
        if number is None:
            return None
        shown = [c for c in self._of_target_group(student.target_group_id) if c.id in outcomes]
        return StudentFiche(
            student.id,
            tuple(component.id for component in shown),
            self._wording.possible_sections(tuple((c.id, outcomes[c.id][0]) for c in shown)),
            content.FicheContent(
                document_number=number,
                stamnummer=student.stamnummer,
                administration=self._wording.administration,
                school=self._school,
                target_group_name=self._target_groups[student.target_group_id].name,
                class_group=student.class_group,
                site_name=student.site_name,
                given_name=student.given_name,
                family_name=student.family_name,
                sections=self._wording.sections(tuple((c.id, outcomes[c.id]) for c in shown)),
                viewing_periods=self._viewing_periods[student.target_group_id],
            ),
        )

    def _fiche_number(self, student: StudentRow) -> str | None:
        outcomes = self._outcomes.get(student.id, {}).values()
        took_part = any(status in TOOK_PART for status, _ in outcomes)
        if not took_part:
            return None
        participation = self._rows.participation
        administration_id, school_id = participation.administration_id, participation.school_id
        return document_number(administration_id, school_id, student.delivered_as)

    def _overview(self) -> SchoolOverview | None:
        present = {student.target_group_id for student in self._students}
        groups = [g for g in self._rows.catalogue.target_groups if g.id in present]
        shown = [c for group in groups for c in self._of_target_group(group.id)]
        if not shown or not self._outcomes:
            return None
        return SchoolOverview(
            tuple(component.id for component in shown),
            content.OverviewContent(
                administration=self._wording.administration,
                school=self._school,
                target_groups=tuple(
                    self._overview_group(group)
                    for group in groups
                    if self._of_target_group(group.id)
                ),
            ),
        )

    def _overview_group(self, group: TargetGroup) -> content.OverviewTargetGroup:
        components = self._of_target_group(group.id)
        return content.OverviewTargetGroup(
            code=group.code,
            name=group.name,
            columns=tuple(self._wording.column(c.id) for c in components),
            rows=tuple(
                content.OverviewRow(
                    class_group=student.class_group,
                    family_name=student.family_name,
                    given_name=student.given_name,
                    stamnummer=student.stamnummer,
                    cells=tuple(self._cell(student.id, c.id) for c in components),
                    document_number=self._fiche_number(student),
                    site_name=student.site_name,
                )
                for student in self._students
                if student.target_group_id == group.id
            ),
        )

    def _cell(self, student_id: UUID, component_id: int) -> content.OverviewCell | None:
        outcome = self._outcomes.get(student_id, {}).get(component_id)
        return None if outcome is None else self._wording.cell(outcome)

    def _of_target_group(self, target_group_id: int) -> list[Component]:
        return self._components.get(target_group_id, [])


def _is_shown(component: Component, rows: SchoolRows) -> bool:
    """Return False for a calibration, and for a component that is never released."""
    facts = ComponentFacts(component.target_group_id, component.id, component.is_calibration)
    return not is_left_out(rows.windows, facts, BUILT_PRODUCT)


def _school_facts(rows: SchoolRows) -> content.SchoolFacts:
    return content.SchoolFacts(
        id=rows.participation.school_id,
        name=rows.participation.name,
        municipality=rows.participation.municipality,
    )
