"""Workers export the heads of the audit log; the verification uses the exports."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from services.cli.main import app
from services.worker.process import periodic_tasks
from shared.access.decisions import act_for, record_change
from shared.audit.head_exports import PREFIX, HeadExporter, exported_heads
from shared.core.database import Sessions, open_engine, session_factory
from shared.core.errors import ConfigurationError
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.storage.store import Storage, open_storage
from tests.callers import OPERATOR

REMOVE_LAST_ENTRY = """
with removed as (
    delete from audit_events where position = (select max(position) from audit_events)
)
update audit_heads set events = events - 1, hash = (
    select hash from audit_events where position = audit_heads.events - 1
)
"""


@pytest.fixture
def empty_storage(tmp_path: Path) -> Storage:
    return open_storage(f"file://{tmp_path}/objects")


def append(sessions: Sessions, times: int = 1) -> None:
    for _ in range(times):
        with UnitOfWork(sessions) as unit:
            act_for(unit, OPERATOR.caller)
            record_change(unit, OPERATOR, "change", "/v1/x")


def export(exporter: HeadExporter, sessions: Sessions) -> int:
    with UnitOfWork(sessions) as unit:
        return exporter.export(unit)


def test_an_export_has_the_heads_that_changed(sessions: Sessions, empty_storage: Storage) -> None:
    append(sessions)
    exporter = HeadExporter(empty_storage)
    assert [export(exporter, sessions) for _ in range(2)] == [1, 0]
    append(sessions)
    assert export(exporter, sessions) == 1
    events = sorted(head.events for head in exported_heads(empty_storage)[""])
    assert events == [events[0], events[0] + 1]
    assert len(list(empty_storage.keys(PREFIX))) == 2


def test_an_object_is_written_once(empty_storage: Storage) -> None:
    assert empty_storage.put_new("audit-heads/a", b"first")
    assert not empty_storage.put_new("audit-heads/a", b"second")
    assert empty_storage.read("audit-heads/a") == b"first"


def test_an_export_that_cannot_be_read_is_named(empty_storage: Storage) -> None:
    empty_storage.put(f"{PREFIX}/broken.json", b"[]")
    with pytest.raises(ConfigurationError, match=r"audit-heads/broken\.json contains no heads"):
        exported_heads(empty_storage)


def test_removed_last_entries_are_found_without_a_file_of_heads(
    sessions: Sessions,
    engine: Engine,
    settings: Settings,
    settings_of: Callable[[str], Settings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    append(sessions, 2)
    worker_engine = open_engine(settings_of("worker"), application_name="tests")
    tasks = {task.name: task for task in periodic_tasks(settings)}
    with UnitOfWork(session_factory(worker_engine)) as unit:
        assert tasks["audit-heads"].run(unit) == 1
    worker_engine.dispose()
    for name, value in settings_of("auditor").model_dump().items():
        text_value = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        monkeypatch.setenv(f"TOETSFEEDBACK_{name.upper()}", str(text_value))
    assert CliRunner().invoke(app, ["audit", "verify"]).exit_code == 0
    _remove_last_entry(engine)
    result = CliRunner().invoke(app, ["audit", "verify"])
    assert result.exit_code == 1
    assert "is missing" in result.output
    append(sessions)
    assert CliRunner().invoke(app, ["audit", "verify"]).exit_code == 1


def _remove_last_entry(engine: Engine) -> None:
    """Remove the last entry and set the head back, as the owner of the database can."""
    with engine.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))
        connection.execute(text(REMOVE_LAST_ENTRY))
