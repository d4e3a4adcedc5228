"""As many schools as Flanders has in an administration, without students."""

from sqlalchemy import text
from sqlalchemy.orm import Session

SCHOOLS_OF_FLANDERS = 3_853

_SCHOOLS = text("""
insert into schools (id, name, municipality, main_structure)
select lpad((200000 + n)::text, 6, '0'), 'De Linde', 'Genk', '211' from generate_series(1, :more) n
""")
_PARTICIPATIONS = text("""
insert into participations (administration_id, school_id, name, municipality)
select :administration, id, name, municipality from schools
on conflict do nothing
""")
_COUNT = text("""
select count(*) from participations
where administration_id = :administration and removed_at is null
""")


def add_participants(
    session: Session, administration_id: str, number: int = SCHOOLS_OF_FLANDERS
) -> None:
    """Add schools to an administration, until so many take part."""
    parameters = {"administration": administration_id}
    present = session.execute(_COUNT, parameters).scalar_one()
    session.execute(_SCHOOLS, {"more": number - present})
    session.execute(_PARTICIPATIONS, parameters)
