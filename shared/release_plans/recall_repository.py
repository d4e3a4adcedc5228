"""SQL of recalls."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, exists, insert, select
from sqlalchemy.orm import Session

from shared.core.paging import ListOrder, Page, PageSelection, page_of_rows
from shared.releases.models import Recall
from shared.releases.repository import active_recalls
from shared.results.models import Component, TargetGroup
from shared.schools.models import Participation


class RecallRow(NamedTuple):
    """A recall with the codes of its scope."""

    recall: Recall
    target_group: str | None
    component: str | None
    is_active: bool


def page_of_recalls(
    session: Session, administration_id: str | None, selection: PageSelection
) -> Page[RecallRow]:
    query = _recalls()
    if administration_id is not None:
        query = query.where(Recall.administration_id == administration_id)
    newest = ListOrder(Recall.recalled_at, Recall.id, descending=True)
    return page_of_rows(session, query, newest, selection).map(RecallRow._make)


def find_recall(session: Session, recall_id: UUID) -> RecallRow | None:
    row = session.execute(_recalls().where(Recall.id == recall_id)).one_or_none()
    return None if row is None else RecallRow(*row)


def add_recall(session: Session, values: Mapping[str, Any]) -> UUID:
    return session.execute(insert(Recall).values(values).returning(Recall.id)).scalar_one()


def takes_part(session: Session, administration_id: str, school_id: str) -> bool:
    query = select(
        exists().where(
            Participation.administration_id == administration_id,
            Participation.school_id == school_id,
        )
    )
    return bool(session.scalar(query))


def _recalls() -> Select[Recall, str | None, str | None, bool]:
    is_active = exists(active_recalls.c.id).where(active_recalls.c.id == Recall.id)
    return (
        select(Recall, TargetGroup.code, Component.code, is_active)
        .outerjoin(TargetGroup, TargetGroup.id == Recall.target_group_id)
        .outerjoin(Component, Component.id == Recall.component_id)
    )
