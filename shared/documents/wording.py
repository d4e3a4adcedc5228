"""Wording of components and outcomes, which all schools of an administration share."""

from collections.abc import Sequence
from functools import cache, lru_cache

from shared.documents import content
from shared.documents.catalogues import Catalogue
from shared.results.models import Level

Outcome = tuple[str, int | None]
"""A status, and the id of the level if the status is `reported`."""

MAX_CATALOGUES = 8
MAX_SECTIONS = 8192
"""Students with the same outcomes share the sections of their fiches, of half a kilobyte each."""


class Wording:
    """A factory of content objects from a catalogue; cached, because their validation is slow."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._levels = {level.id: _level(level) for level in catalogue.levels}
        self._scales = self._by_scale(catalogue.levels)
        self._level_ids: dict[str, tuple[int, ...]] = {}
        for level in catalogue.levels:
            earlier = self._level_ids.get(level.level_scale, ())
            self._level_ids[level.level_scale] = (*earlier, level.id)
        self.administration = _administration_facts(catalogue)
        self._components = {component.id: component for component in catalogue.components}
        self._descriptions = {(d.component_id, d.level_id): d.text for d in catalogue.descriptions}
        self.column = cache(self._new_column)
        self.cell = cache(self._new_cell)
        self._descriptions_of = cache(self._new_descriptions)
        self._outcome = cache(self._new_outcome)
        self._section = lru_cache(maxsize=MAX_SECTIONS)(self._new_section)
        self.sections = lru_cache(maxsize=MAX_SECTIONS)(self._new_sections)
        self.possible_sections = lru_cache(maxsize=MAX_SECTIONS)(self._new_possible_sections)

    def _new_sections(
        self, outcomes: tuple[tuple[int, Outcome], ...]
    ) -> tuple[content.SubjectSection, ...]:
        """Return the sections by subject, for pairs of component id and outcome in print order."""
        by_subject: dict[str, list[tuple[int, Outcome]]] = {}
        for pair in outcomes:
            by_subject.setdefault(self._components[pair[0]].subject, []).append(pair)
        return tuple(self._section(subject, tuple(some)) for subject, some in by_subject.items())

    def _new_section(
        self, subject: str, outcomes: tuple[tuple[int, Outcome], ...]
    ) -> content.SubjectSection:
        return content.SubjectSection(subject, tuple(self._outcome(*pair) for pair in outcomes))

    def _new_possible_sections(
        self, statuses: tuple[tuple[int, str], ...]
    ) -> content.PossibleSections:
        """Return the sections at each level, for pairs of component id and status."""
        levels = {
            component_id: self._level_ids[self._components[component_id].level_scale]
            for component_id, status in statuses
            if status == content.REPORTED
        }
        variants = (
            tuple(
                (id_, (status, levels[id_][min(number, len(levels[id_]) - 1)]))
                if id_ in levels
                else (id_, (status, None))
                for id_, status in statuses
            )
            for number in range(max(map(len, levels.values()), default=1))
        )
        return content.PossibleSections(tuple(map(self._new_sections, variants)))

    def _new_outcome(self, component_id: int, outcome: Outcome) -> content.ComponentOutcome:
        component, (status, level_id) = self._components[component_id], outcome
        return content.ComponentOutcome(
            component=component.code,
            name=component.name,
            position=component.position,
            status=status,
            scale=self._scales[component.level_scale],
            level=None if level_id is None else self._levels[level_id],
            descriptions=() if level_id is None else self._descriptions_of(component_id),
        )

    def _new_descriptions(self, component_id: int) -> tuple[str | None, ...]:
        """Return the descriptions of the levels of a component, from the lowest up."""
        levels = self._level_ids[self._components[component_id].level_scale]
        return tuple(self._descriptions.get((component_id, level_id)) for level_id in levels)

    def _new_column(self, component_id: int) -> content.OverviewColumn:
        component = self._components[component_id]
        return content.OverviewColumn(
            component=component.code,
            name=component.name,
            subject=component.subject,
            scale=self._scales[component.level_scale],
            descriptions=tuple(
                self._descriptions.get((component_id, level_id))
                for level_id in self._level_ids[component.level_scale]
            ),
        )

    def _new_cell(self, outcome: Outcome) -> content.OverviewCell:
        status, level_id = outcome
        return content.OverviewCell(status, None if level_id is None else self._levels[level_id])

    def _by_scale(self, levels: Sequence[Level]) -> dict[str, tuple[content.Level, ...]]:
        scales: dict[str, tuple[content.Level, ...]] = {}
        for level in levels:
            scales[level.level_scale] = (*scales.get(level.level_scale, ()), self._levels[level.id])
        return scales


wording_of = lru_cache(maxsize=MAX_CATALOGUES)(Wording)


def _level(level: Level) -> content.Level:
    return content.Level(
        code=level.code,
        label=level.label,
        ordinal=level.ordinal,
        attains_basic_literacy=level.attains_basic_literacy,
        attains_final_objectives=level.attains_final_objectives,
    )


def _administration_facts(catalogue: Catalogue) -> content.AdministrationFacts:
    administration = catalogue.administration
    return content.AdministrationFacts(
        id=administration.id,
        name=administration.name,
        school_year=administration.school_year,
        tested_from_on=administration.tested_from_on,
        tested_until_on=administration.tested_until_on,
    )
