"""The reads of the benchmark of years: the same requests for every instance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import text

from benchmarks.measuring import ADMINISTRATION
from benchmarks.traffic import TokenClient
from clients.python.proofs import ProofKey
from embedded.instance import Instance
from services.cli.target import sessions_of
from shared.access.decisions import act_for
from shared.access.rules import GRANTABLE, Caller, CallerKind
from shared.audit.repository import NewAuditEvent
from shared.audit.repository import append as append_audit_event
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.tokens import MAX_LIFETIME, TokenAuthority

CLIENT = "bench"
AUDIT_EVENTS_OF_A_YEAR = 1_000
_WANTED = {"administration": ADMINISTRATION, "students": 20}

_CLASS_GROUP = text("""
    select student.school_id, class_group.name, student.class_group_id
    from students student join class_groups class_group on class_group.id = student.class_group_id
    where student.administration_id = :administration
    group by 1, 2, 3 order by abs(count(*) - :students), 1, 2 limit 1
""")
_FICHE = text("""
    select document.id, document.student_id
    from documents document join students student on student.id = document.student_id
    where student.class_group_id = :class_group order by student.sort_key limit 1
""")
_MANDATES = text("""
    insert into mandates (school_id, client, products, from_on, until_on, purpose, decided_by)
    select id, numbered.client, array['studentFeedback'], '2024-01-01', '2999-01-01', 'x', 'x'
    from (
        select id, cast(:client as varchar) as client, row_number() over (order by id) as n
        from schools
    ) numbered
    where (n % 2 = 0 or numbered.id = :school) and not exists (
        select from mandates
        where mandates.client = numbered.client and mandates.school_id = numbered.id
    )
""")


@dataclass(frozen=True, slots=True)
class Reads:
    """Paths by the kind of read and its caller, with a token of each caller, for one instance."""

    paths: dict[tuple[str, CallerKind], str]
    clients: dict[CallerKind, TokenClient]


def prepare_reads(instance: Instance) -> Reads:
    """Give an integrator mandates of half of the schools; return the reads.

    Their school and its class group of about 20 students are the same in every instance.
    """
    settings = instance.record().settings()
    with sessions_of(settings) as sessions, UnitOfWork(sessions) as unit:
        school_id, name, class_group = unit.session.execute(_CLASS_GROUP, _WANTED).one()
        fiche, student = unit.session.execute(_FICHE, {"class_group": class_group}).one()
        unit.session.execute(_MANDATES, {"client": CLIENT, "school": school_id})
    authority = TokenAuthority.of(settings)

    def client_of(kind: CallerKind) -> TokenClient:
        key, own = ProofKey(), school_id if kind is CallerKind.SCHOOL else None
        token = authority.issue(
            Caller(CLIENT, kind, GRANTABLE[kind], own), MAX_LIFETIME, key.thumbprint
        )
        return TokenClient(token, key, settings.public_url)

    of_year = {"administrationId": ADMINISTRATION}
    of_class = urlencode(of_year | {"classGroup": name, "pageSize": "200"})
    school = f"/v1/schools/{school_id}"
    of_students = {
        "resultsOfClassGroup": f"{school}/results?{of_class}",
        "resultsOfStudent": f"/v1/students/{student}/results",
        "students": f"{school}/students?{of_class}",
        "student": f"/v1/students/{student}",
        "documents": f"{school}/documents?{of_class}",
        "content": f"/v1/documents/{fiche}/content",
    }
    of_anyone = {
        "school": school,
        "levelScales": f"/v1/refData/levelScales?{urlencode(of_year)}",
        "components": f"/v1/refData/components?{urlencode(of_year)}",
        "schools": f"/v1/schools?{urlencode(of_year | {'pageSize': '20'})}",
        "releaseWindows": f"/v1/releaseWindows?{urlencode(of_year)}",
    }
    paths_of = {
        CallerKind.SCHOOL: of_students | of_anyone | {"auditEvents": "/v1/auditEvents?pageSize=50"},
        CallerKind.INTEGRATOR: of_students | of_anyone,
        CallerKind.OPERATOR: of_anyone | {"jobs": "/v1/jobs?pageSize=1"},
    }
    paths = {(name, kind): path for kind, own in paths_of.items() for name, path in own.items()}
    return Reads(paths, {kind: client_of(kind) for kind in paths_of})


def add_audit_events(instance: Instance) -> None:
    """Append as many events to the audit log of the school as it has after a year of reads."""
    with sessions_of(instance.record().settings()) as sessions, UnitOfWork(sessions) as unit:
        school_id = unit.session.execute(_CLASS_GROUP, _WANTED).one().school_id
        event = NewAuditEvent(
            organisation=school_id,
            action="listSchoolResults",
            resource=f"/v1/schools/{school_id}/results",
            outcome="allowed",
            rule="granted",
            trace_id=None,
        )
        kind = CallerKind.SCHOOL
        act_for(unit, Caller(CLIENT, kind, GRANTABLE[kind], school_id))
        for _ in range(AUDIT_EVENTS_OF_A_YEAR):
            append_audit_event(unit.session, event)


def scalars(instance: Instance, query: str) -> Sequence[Any]:
    with sessions_of(instance.record().settings()) as sessions, UnitOfWork(sessions) as unit:
        return unit.session.scalars(text(query)).all()
