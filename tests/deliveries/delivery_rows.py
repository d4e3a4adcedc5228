"""Queries of the stored results and items, with the codes of the delivery."""

from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from shared.deliveries.service import ImportOutcome
from tests.deliveries.delivery_files import DeliveryFiles, run_import

CURRENT = """
    select p.delivered_as, p.school_id, c.code, r.status, l.code, s.score::float
    from results r join students p on p.id = r.student_id join components c on c.id = r.component_id
    left join levels l on l.id = r.level_id left join scale_scores s on s.result_id = r.id
    where r.superseded_at is null order by 1, 2, 3
"""
ITEMS = """
    select p.delivered_as, p.school_id, c.code, i.items, i.correct
    from item_results i join students p on p.id = i.student_id
    join components c on c.id = i.component_id order by 1, 2, 3
"""


def current_results(session: Session) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in session.execute(text(CURRENT))]


def items(session: Session) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in session.execute(text(ITEMS))]


def count(session: Session, model: type[Any], *conditions: Any) -> int:
    return session.execute(select(func.count()).select_from(model).where(*conditions)).scalar_one()


def import_applied(session: Session, delivery: DeliveryFiles, directory: Path) -> ImportOutcome:
    outcome = run_import(session, delivery.write(directory / uuid4().hex))
    assert (outcome.status, outcome.report["faults"]) == ("applied", [])
    return outcome
