"""What all schools of an administration share, loaded again only after another delivery."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from shared.deliveries.models import Delivery
from shared.results.models import (
    Administration,
    Component,
    Level,
    LevelDescription,
    TargetGroup,
)


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """In print order; its rows belong to no session any more and are only read.

    Found by itself, not by its rows, where something made of it is kept.
    """

    administration: Administration
    target_groups: Sequence[TargetGroup]
    components: Sequence[Component]
    levels: Sequence[Level]
    descriptions: Sequence[LevelDescription]


_LAST_SEQUENCE = select(func.max(Delivery.sequence)).where(
    Delivery.administration_id == bindparam("administration_id"), Delivery.status == "applied"
)


@dataclass(frozen=True, slots=True)
class Catalogues:
    """The catalogues that a process has read, each with the number of the delivery it follows.

    Only a delivery changes a catalogue, and its number is seen in the same moment as what it
    brought. The number is read first: a catalogue is never older than the number says.
    """

    _known: dict[str, tuple[int | None, Catalogue]] = field(default_factory=dict)

    def current(self, session: Session, administration_id: str) -> Catalogue:
        sequence = session.scalar(_LAST_SEQUENCE, {"administration_id": administration_id})
        known = self._known.get(administration_id)
        if known is not None and known[0] == sequence:
            return known[1]
        catalogue = _load(session, administration_id)
        self._known[administration_id] = sequence, catalogue
        return catalogue


def _load(session: Session, administration_id: str) -> Catalogue:
    about = TargetGroup, Component, Level
    groups, components, levels = (_current(table, administration_id) for table in about)
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
    """Rows that stay as they are, also when the transaction that read them is rolled back."""
    rows = session.scalars(query.execution_options(populate_existing=True)).all()
    for row in rows:
        session.expunge(row)
    return rows
