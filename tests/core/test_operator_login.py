"""The login of operators adds jobs that every program can read, and no others."""

import pytest
from psycopg.errors import CheckViolation, InsufficientPrivilege
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from tests.core.conftest import Login

JOB = {
    "kind": "'documents.build'",
    "lane": "'bulk'",
    "subject": "'2024'",
    "requested_by": "'cli'",
    "arguments": "'{}'",
}
UNREADABLE = {
    "an integer that Python does not read": {
        "arguments": """('{"a": 1' || repeat('0', 5000) || '}')::jsonb"""
    },
    "arguments without an end": {"arguments": "jsonb_build_object('a', repeat('x', 2000))"},
    "arguments in each other": {"arguments": """'{"a": [[[]]]}'"""},
    "a list of arguments": {"arguments": "'[]'"},
    "an end at infinity": {"state": "'done'", "finished_at": "'infinity'"},
    "an end before all time": {"state": "'done'", "finished_at": "'-infinity'"},
    "an end in a year of six digits": {"state": "'done'", "finished_at": "'200000-01-01'"},
    "an end of an active job": {"finished_at": "now()"},
    "a job that is done and has no end": {"state": "'done'"},
    "a line break in the subject": {"subject": "E'x\\n'"},
    "a change of direction in the subject": {"subject": "E'x\\u202e'"},
    "a line break in the kind": {"kind": "E'evil\\n'"},
    "an unknown name of a person": {"requested_by": "E'99\\n'"},
}
"""Values that differ from those of a job, by what they are."""
OF_OTHERS = {
    "another kind": {"kind": "'deliveries.apply'"},
    "the name of another": {"requested_by": "'99f5a786-a1e7-43d8-af43-b39b7f5640ad'"},
    "a trace of another": {"trace_id": "'0af7651916cd43dd8448eb211c80319c'"},
    "a job that runs": {"state": "'running'"},
    "a job that failed": {"state": "'failed'", "finished_at": "now()"},
}


def insert(values: dict[str, str]) -> str:
    return f"insert into jobs ({', '.join(values)}) values ({', '.join(values.values())})"


@pytest.mark.parametrize("change", [*UNREADABLE, *OF_OTHERS])
def test_operator_adds_no_job_but_that_of_the_command(login: Login, change: str) -> None:
    values = JOB | (UNREADABLE | OF_OTHERS)[change]
    with (
        login("operator") as connection,
        pytest.raises((CheckViolation, InsufficientPrivilege)),
    ):
        connection.execute(insert(values))


@pytest.mark.parametrize("change", UNREADABLE)
def test_nobody_adds_a_job_that_cannot_be_read(engine: Engine, change: str) -> None:
    with engine.begin() as connection, pytest.raises(IntegrityError, match="CheckViolation"):
        connection.exec_driver_sql(insert(JOB | UNREADABLE[change]))


def test_operator_adds_no_item_with_a_control_character(login: Login) -> None:
    with login("operator") as connection, connection.transaction(force_rollback=True):
        connection.execute(insert(JOB))
        with pytest.raises(CheckViolation):
            connection.execute(
                "insert into job_items (job_id, subject) select id, E'x\\n' from jobs"
                " where subject = '2024'"
            )


def test_operator_adds_the_jobs_of_the_command(login: Login, engine: Engine) -> None:
    ended = {"subject": "'2023'", "state": "'done'", "finished_at": "now()"}
    with login("operator") as connection:
        for values in (JOB, JOB | ended):
            connection.execute(insert(values))
    with engine.begin() as connection:
        assert set(connection.scalars(text("delete from jobs returning subject"))) == {
            "2023",
            "2024",
        }
