"""Faults that the search has to find: each is put into the running service by a test.

A sabotage changes a function of the process, a view or a row policy, for as long as its context.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, get_args

import pytest
from fastapi import FastAPI, Request
from sqlalchemy import func, select, text, true
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.dependencies import ResourcesDep, UnitDep
from services.api.http import download_monitor
from services.api.security.permissions import JobsReader, Permission
from services.worker import app as worker_app
from services.worker.execution import HandlerResult, ItemFailure
from services.worker.jobs.documents import build_school
from shared.access.requests import AccessRequest
from shared.access.rules import Scope as AccessScope
from shared.core.paging import Page
from shared.core.unit_of_work import UnitOfWork
from shared.documents import repository as documents
from shared.documents.hand_out_lists import repository as hand_out_lists
from shared.hand_overs import repository as hand_overs
from shared.jobs.claims import Claim
from shared.results import repository as results
from shared.results.models import Result
from shared.school_feedback import released_figures
from shared.students.repository import Cohort
from tests.leaks import steps, viewing_steps
from tests.leaks.deployment import FIRST
from tests.leaks.model import STUDENT_FEEDBACK
from tests.leaks.world import World

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Sabotage:
    """A fault, the history in which it shows, and the operation in which it is found.

    Without an operation, it shows in a running download.
    """

    apply: Callable[[World, Patch], None]
    history: Callable[[World], None]
    operation: str = ""
    definitions: tuple[tuple[str, str, str], ...] = ()
    tables: tuple[str, ...] = ()
    is_in_app: bool = False

    @contextmanager
    def put_into(self, world: World) -> Iterator[None]:
        """Put the fault into the service until the block ends."""
        with (
            Patch.context() as patch,
            _without_policies(world, self.tables),
            _changed_definitions(world, self.definitions),
        ):
            self.apply(world, patch)
            if self.is_in_app:
                steps.restart_api(world)
            yield
        if self.is_in_app:
            steps.restart_api(world)


@contextmanager
def _without_policies(world: World, tables: tuple[str, ...]) -> Iterator[None]:
    _execute(world, [f"alter table {table} disable row level security" for table in tables])
    try:
        yield
    finally:
        _execute(world, [f"alter table {table} enable row level security" for table in tables])


@contextmanager
def _changed_definitions(world: World, changes: tuple[tuple[str, str, str], ...]) -> Iterator[None]:
    """Replace a part of the definition of each view or function."""
    before = {name: _definition(world, name) for name, _, _ in changes}
    for name, part, changed in changes:
        assert part in before[name], before[name]
        _execute(world, [before[name].replace(part, changed)])
    try:
        yield
    finally:
        _execute(world, list(before.values()))


def _definition(world: World, name: str) -> str:
    """Return the statement that creates or replaces a view or a function."""
    with UnitOfWork(world.deployment.owner) as unit:
        return str(unit.session.scalar(_DEFINITION, {"name": name}))


def _execute(world: World, statements: list[str]) -> None:
    with UnitOfWork(world.deployment.owner) as unit:
        for statement in statements:
            unit.session.execute(text(statement))


_DEFINITION = text("""
select case when to_regclass(:name) is null then pg_get_functiondef(to_regproc(:name))
    else 'create or replace view ' || :name || ' as ' || pg_get_viewdef(to_regclass(:name), true)
end
""")


def nothing(_world: World, _patch: Patch) -> None:
    """Change nothing in the process."""


def _show_hand_overs_after_recalls(_world: World, patch: Patch) -> None:
    patch.setattr(hand_overs, "_has_readable_fiche", true)


class _TagsFirst:
    """Middleware that compares the tag of a document before anything else."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self.app, self.world = app, world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        tag = headers.get(b"if-none-match", b"").decode().strip('"')
        facts = self.world.knowledge.facts.documents.values()
        if any(one.sha256 == tag and one.id in scope["path"] for one in facts):
            await Response(status_code=304)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _compare_tags_first(world: World, patch: Patch) -> None:
    def change(app: FastAPI) -> None:
        app.add_middleware(_TagsFirst, world=world)

    patch.setattr(world.deployment, "change_app", change)


def _count_all_results(world: World, patch: Patch) -> None:
    def page(session: Any, cohort: Cohort, selection: Any) -> Page[Any]:
        found = page_of_results(session, cohort, selection)
        query = select(func.count()).where(Result.school_id == cohort.school_id)
        with UnitOfWork(world.deployment.owner) as unit:
            return Page(found.rows, unit.session.execute(query).scalar_one())

    page_of_results = results.page_of_results
    patch.setattr(results, "page_of_results", page)


def _go_on_with_downloads(_world: World, patch: Patch) -> None:
    patch.setattr(download_monitor, "may_go_on", lambda _session, asked: [True for _ in asked])


def _list_all_documents(_world: World, patch: Patch) -> None:
    patch.setattr(documents, "_is_released", lambda *_: true())


def _name_failed_students(world: World, patch: Patch) -> None:
    def build(unit: UnitOfWork, claim: Claim, *parts: Any) -> HandlerResult:
        made = build_school(unit, claim, *parts)
        failures = [
            ItemFailure(one.id, {"title": f"{one.family_name} has a level that is too long"})
            for one in world.knowledge.facts.students.values()
            if one.school == claim.subject
        ]
        return HandlerResult(made.outcome, failures)

    patch.setattr(worker_app, "build_school", build)


class _ForEveryScope(Permission):
    """A permission for jobs that asks for another scope where progress is streamed."""

    async def __call__(
        self, request: Request, unit: UnitDep, resources: ResourcesDep
    ) -> AccessRequest:
        is_stream = request.scope["route"].path_format.endswith("/events")
        scope = AccessScope.SCHOOLS_READ if is_stream else AccessScope.JOBS_READ
        return await Permission(scope)(request, unit, resources)


def _stream_for_every_scope(world: World, patch: Patch) -> None:
    permission = get_args(JobsReader)[1].dependency
    lax = _ForEveryScope(AccessScope.JOBS_READ)
    patch.setitem(world.deployment.app.dependency_overrides, permission, lax)


def _list_all_entries(_world: World, patch: Patch) -> None:
    patch.setattr(hand_out_lists, "components_are_released", lambda *_: true())


def _read_all_snapshots(_world: World, patch: Patch) -> None:
    patch.setattr(released_figures, "component_is_released", lambda *_: true())
    build = released_figures._released_figures.__wrapped__  # not the query that is built already
    patch.setattr(released_figures, "_released_figures", build)


def sealed(world: World) -> None:
    """Leave everything as it is before any release."""
    world.history.append("sealed")


def rebuilt(world: World) -> None:
    steps.build_again(world)


def handed_over_and_recalled(world: World) -> None:
    steps.release(world, None, 1, approvers=(1, 2))
    steps.hand_over(world, FIRST, "4A")
    steps.recall(world, None)


def mandate_over(world: World) -> None:
    steps.give_mandate(world, FIRST, 1, STUDENT_FEEDBACK)
    steps.pass_days(world, 2)


def corrected_after_approval(world: World) -> None:
    steps.build(world)
    steps.plan(world, None, 2, None)
    steps.verify(world)
    for person in (1, 2):
        steps.approve(world, person)
    steps.correct(world, "LEZ4", len(world.history))
    steps.build(world)
    steps.pass_days(world, 2)


def computed(world: World) -> None:
    steps.compute(world)


def visited(world: World) -> None:
    released(world)
    viewing_steps.visit(world, 0, 4)


def released(world: World) -> None:
    steps.release(world, None, 1, approvers=(1, 2))


EPOCH = " AND manifest.epoch = opening.epoch"
AT_LOCATION = "(slot.location_id = duty.location_id)"
TERM = " AND (now() AT TIME ZONE 'Europe/Brussels'::text)::date <= mandate.until_on"
SABOTAGES = {
    "the gate left out of one operation": Sabotage(
        _show_hand_overs_after_recalls, handed_over_and_recalled, "listStudentHandOvers"
    ),
    "the ETag compared before the gate": Sabotage(
        _compare_tags_first, sealed, "getDocumentContent", is_in_app=True
    ),
    "totals uncut": Sabotage(_count_all_results, sealed, "listSchoolResults"),
    "the last day of a mandate ignored": Sabotage(
        nothing, mandate_over, "listSchoolStudents", definitions=(("current_mandates", TERM, ""),)
    ),
    "a running download that no recall ends": Sabotage(_go_on_with_downloads, released),
    "approvals of an old manifest accepted": Sabotage(
        nothing,
        corrected_after_approval,
        "listSchoolResults",
        definitions=(("approved_openings", EPOCH, ""),),
    ),
    "row policy and filter of documents left out": Sabotage(
        _list_all_documents, sealed, "listSchoolDocuments", tables=("documents",)
    ),
    "a desk that shows the visitors of another location": Sabotage(
        nothing,
        visited,
        "listDeskRegistrations",
        definitions=(("desk_slots_at", AT_LOCATION, "true"),),
    ),
    "a snapshot read before its opening": Sabotage(
        _read_all_snapshots, computed, "getSchoolFeedback", tables=("school_feedback_snapshots",)
    ),
    "names in the failures of a job": Sabotage(_name_failed_students, rebuilt, "listJobFailures"),
    "progress streamed to every scope": Sabotage(
        _stream_for_every_scope, sealed, "streamJobEvents"
    ),
    "hand-out entries before the release": Sabotage(
        _list_all_entries,
        sealed,
        "listSchoolHandOutEntries",
        tables=("documents", "missing_fiches"),
    ),
}
