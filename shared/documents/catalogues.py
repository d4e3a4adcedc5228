"""The catalogue of an administration, cached in the process until another delivery is applied."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from shared.deliveries.repository import last_applied_sequence
from shared.results.models import (
    Administration,
    Component,
    Level,
    LevelDescription,
    TargetGroup,
)


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """The target groups, components and levels of an administration, in print order.

    The rows are detached from their session and read-only. Catalogues are compared by identity, so
    that a cache can use one as its key.
    """

    administration: Administration
    target_groups: Sequence[TargetGroup]
    components: Sequence[Component]
    levels: Sequence[Level]
    descriptions: Sequence[LevelDescription]


@dataclass(frozen=True, slots=True)
class CatalogueCache:
    """A cache of catalogues, each with the sequence number of the last applied delivery.

    Only a delivery changes a catalogue, in the transaction that changes the sequence number. The
    number is read first, so that a cached catalogue is never older than its number.
    """

    _entries: dict[str, tuple[int, Catalogue]] = field(default_factory=dict)

    def current(self, session: Session, administration_id: str) -> Catalogue:
        """Return the catalogue after the last applied delivery."""
        sequence = last_applied_sequence(session, administration_id)
        cached_sequence, cached = self._entries.get(administration_id, (None, None))
        if cached is not None and cached_sequence == sequence:
            return cached
        catalogue = _load(session, administration_id)
        self._entries[administration_id] = sequence, catalogue
        return catalogue


def _load(session: Session, administration_id: str) -> Catalogue:
    tables = TargetGroup, Component, Level
    groups, components, levels = (_current(table, administration_id) for table in tables)
    descriptions = (
        select(LevelDescription)
        .join(Component, Component.id == LevelDescription.component_id)
        .where(Component.administration_id == administration_id)
    )
    administration = select(Administration).where(Administration.id == administration_id)
    return Catalogue(
        administration=_detached(session, administration)[0],
        target_groups=_detached(session, groups.order_by(TargetGroup.code)),
        components=_detached(session, components.order_by(Component.position, Component.id)),
        levels=_detached(session, levels.order_by(Level.ordinal, Level.id)),
        descriptions=_detached(session, descriptions),
    )


def _current(table: Any, administration_id: str) -> Select[Any]:
    return select(table).where(
        table.administration_id == administration_id, table.removed_at.is_(None)
    )


def _detached(session: Session, query: Select[Any]) -> Sequence[Any]:
    """Return rows that stay loaded after the transaction ends, even by a rollback."""
    rows = session.scalars(query.execution_options(populate_existing=True)).all()
    for row in rows:
        session.expunge(row)
    return rows
