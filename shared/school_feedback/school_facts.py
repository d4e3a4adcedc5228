"""SQL of the facts of schools: participations, class groups, results and delivered references."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.core.locks import lock_until_commit
from shared.school_feedback.facts import ClassGroupFacts, ResultFacts, SchoolFacts
from shared.school_feedback.figures import ReferenceName
from shared.school_feedback.references import DeliveredValue

_PARTICIPATIONS = text("""
    select school_id, facts_revision, comparison_group from participations
    where administration_id = :administration_id and school_id = any (:school_ids)
        and removed_at is null
    order by school_id
""")
_CLASS_GROUPS = text("""
    select school_id, cast(id as text), name, site, site_name from class_groups
    where administration_id = :administration_id and school_id = any (:school_ids)
        and removed_at is null
    order by school_id, sort_key, id
""")
_RESULTS = text("""
    select result.school_id, result.component_id, cast(student.id as text), student.delivered_as,
        cast(student.class_group_id as text), result.status, result.level_id, scored.score
    from results result
    join students student on student.id = result.student_id and student.removed_at is null
    left join scale_scores scored on scored.result_id = result.id
        and result.status = 'reported'
    where result.administration_id = :administration_id and result.school_id = any (:school_ids)
        and result.superseded_at is null
""")
_DELIVERED = text("""
    select school_id, component_id, reference, level, indicator, value, standard_error, students
    from delivered_references
    where administration_id = :administration_id and removed_at is null
        and (reference = 'flanders' and school_id = '' or school_id = any (:school_ids))
""")


def lock_schools(session: Session, administration_id: str, school_ids: Sequence[str]) -> None:
    """Lock the feedback of the schools until the commit, in the order of their numbers."""
    lock_until_commit(session, *(f"feedback {administration_id} {one}" for one in school_ids))


def facts_of(
    session: Session, administration_id: str, school_ids: Sequence[str]
) -> dict[str, SchoolFacts]:
    """Return the facts of the schools that take part, by number.

    A delivery raises the revision of a school in its transaction, and locks no reader out: what is
    read while one is committed is read again.
    """
    of = {"administration_id": administration_id, "school_ids": list(school_ids)}
    while True:
        participations = session.execute(_PARTICIPATIONS, of).all()
        class_groups = session.execute(_CLASS_GROUPS, of).all()
        results = session.execute(_RESULTS, of).all()
        if session.execute(_PARTICIPATIONS, of).all() == participations:
            break
    groups: defaultdict[str, list[ClassGroupFacts]] = defaultdict(list)
    for school_id, *group in class_groups:
        groups[school_id].append(ClassGroupFacts._make(group))
    found: defaultdict[str, defaultdict[int, list[ResultFacts]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for school_id, component_id, *result in results:
        found[school_id][component_id].append(ResultFacts._make(result))
    return {
        school_id: SchoolFacts(revision, comparison_group, groups[school_id], found[school_id])
        for school_id, revision, comparison_group in participations
    }


def delivered_values(
    session: Session, administration_id: str, school_ids: Sequence[str]
) -> defaultdict[tuple[str, int], list[DeliveredValue]]:
    """Return the delivered values of references, by school and component.

    Those of Flanders are under the empty school number.
    """
    of = {"administration_id": administration_id, "school_ids": list(school_ids)}
    found: defaultdict[tuple[str, int], list[DeliveredValue]] = defaultdict(list)
    for row in session.execute(_DELIVERED, of):
        error = row.standard_error
        found[row.school_id, row.component_id].append(
            DeliveredValue(
                ReferenceName(row.reference),
                row.level,
                row.indicator,
                float(row.value),
                None if error is None else float(error),
                row.students,
            )
        )
    return found
