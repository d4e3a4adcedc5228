"""Schools that a delivery names as predecessors of another one."""

from sqlalchemy import insert
from sqlalchemy.orm import Session

from shared.schools.models import School


def add_predecessor(session: Session, number: str, successor: str) -> str:
    """Add a school without data as the one predecessor of a school; return its number."""
    named = {"name": "De Den", "municipality": "Genk", "main_structure": "211"}
    session.execute(insert(School).values(id=number, **named))
    session.get_one(School, successor).successor_of = [number]
    session.flush()
    return number


def name_predecessor(session: Session, number: str, successor: str) -> None:
    school = session.get_one(School, successor)
    school.successor_of = [*(school.successor_of or ()), number]
    session.flush()
