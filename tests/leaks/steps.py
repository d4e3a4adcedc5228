"""The steps of a history: what a person or a program does, and what follows for the model."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text, update

from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.models import Client
from tests.deliveries.delivery_files import correction
from tests.leaks.deployment import ADMINISTRATION, EMPTY
from tests.leaks.model import (
    SCHOOL_FEEDBACK,
    STUDENT_FEEDBACK,
    TEST_VIEWING,
    ModelMandate,
    Requester,
)
from tests.leaks.release_model import ModelRecall, OpeningKey, PlannedWindow
from tests.leaks.world import TARGET_GROUPS, World
from tests.releasing import shift_time

LEVELS = {"LEZ4": ("s1", "E", "D", "C"), "LEZ2": ("s4", "B", "A")}
"""The student whose level a correction changes, and the levels that it takes in turn."""
SLOT_TIMES = "day = day - :days", "starts_at = starts_at - :by", "ends_at = ends_at - :by"
PLAN = f"/v1/releasePlans/{ADMINISTRATION}"


def correct(world: World, component: str, number: int) -> None:
    """Deliver another level of a student."""
    student, *levels = LEVELS[component]
    row = [student, component, "reported", levels[number % len(levels)], str(100 + number)]
    world.deliver(correction(world.sequence + 1, results=[row]))
    for release in world.knowledge.releases.values():
        release.change_facts(world.now())


def build(world: World, *, force: bool = False) -> None:
    before = _documents(world)
    body = {"kind": "documents.build", "administrationId": ADMINISTRATION, "force": force}
    world.run_job("/v1/jobs", body)
    world.refresh()
    for product, _, _ in before ^ _documents(world):
        world.knowledge.releases[product].change_facts(world.now())


def build_again(world: World) -> None:
    """Build all documents, also those that are as they should be."""
    build(world, force=True)


def _documents(world: World) -> set[tuple[str, str, str]]:
    documents = world.knowledge.facts.documents.values()
    return {(one.product, one.id, one.state) for one in documents}


def compute(world: World) -> None:
    """Compute the figures of school feedback."""
    body = {"kind": "feedback.compute", "administrationId": ADMINISTRATION}
    world.run_job("/v1/jobs", body)


def plan(
    world: World,
    scope: str | None,
    days: int,
    open_for: int | None,
    product: str = STUDENT_FEEDBACK,
    person: int = 0,
) -> bool:
    """Give a scope a window that opens in some days; False if the API refuses it."""
    opens_at = world.now().replace(microsecond=0) + timedelta(days=days)
    closes_at = opens_at + timedelta(days=open_for) if open_for else None
    model = world.knowledge.releases[product]
    windows = dict(model.windows)
    windows[scope] = PlannedWindow(scope, opens_at, closes_at)
    is_planned = _put_plan(world, product, windows, model.reopenings, person)
    if is_planned and product == TEST_VIEWING:  # fiches name its days
        world.knowledge.release.change_facts(world.now())
    return is_planned


def reopen(world: World, number: int, days: int) -> bool:
    """Plan the end of a recall."""
    recalls = world.knowledge.release.recalls
    if not recalls:
        return False
    moment = world.now().replace(microsecond=0) + timedelta(days=days)
    ends = {**world.knowledge.release.reopenings, recalls[number % len(recalls)].id: moment}
    return _put_plan(world, STUDENT_FEEDBACK, world.knowledge.release.windows, ends, 0)


def _put_plan(
    world: World,
    product: str,
    windows: Mapping[str | None, PlannedWindow],
    reopenings: Mapping[str, datetime],
    person: int,
) -> bool:
    planner = world.persons[person]
    version = dict(world.sender.send(planner, "GET", PLAN).headers)["etag"]
    releases = world.knowledge.releases
    plans: dict[str, tuple[Mapping[str | None, PlannedWindow], Mapping[str, datetime]]] = {
        name: (model.windows, model.reopenings) for name, model in releases.items()
    }
    plans[product] = windows, reopenings
    body = {
        "windows": [
            _window(world, name, window)
            for name, (planned, _) in plans.items()
            for window in planned.values()
        ],
        "reopenings": [
            {"recallId": recall, "opensAt": world.story.real(moment).isoformat()}
            for _, ends in plans.values()
            for recall, moment in ends.items()
        ],
    }
    reply = world.call(planner, "PUT", PLAN, body, {"If-Match": version})
    if reply.status == 200:
        releases[product].plan(windows.values(), reopenings, person, world.now())
    return reply.status == 200


def _window(world: World, product: str, window: PlannedWindow) -> dict[str, str]:
    body = {"product": product, "opensAt": world.story.real(window.opens_at).isoformat()}
    if window.closes_at is not None:
        body["closesAt"] = world.story.real(window.closes_at).isoformat()
    if window.scope is not None:
        body["component" if window.scope in TARGET_GROUPS else "targetGroup"] = window.scope
    return body


def verify(world: World) -> None:
    """Verify every opening to come."""
    for (product, key), opening in _openings_to_come(world).items():
        path = f"/v1/openings/{opening}"
        world.run_job(f"{path}/verify", requester=world.persons[0])
        found = world.read(world.persons[0], path).get("manifest")
        if found is not None:
            world.manifests[product, key].append(found["hash"])
            world.knowledge.releases[product].verify(
                key, found["hash"], is_complete=found["isComplete"], now=world.now()
            )


def approve(world: World, person: int, age: int = 0) -> None:
    """Approve a manifest of every opening to come: the latest, or one of an age before it."""
    for (product, key), opening in _openings_to_come(world).items():
        for manifest in world.manifests[product, key][::-1][age : age + 1]:
            path, body = f"/v1/openings/{opening}/approve", {"manifestHash": manifest}
            world.call(world.persons[person], "POST", path, body)
            world.knowledge.releases[product].approve(key, manifest, person, world.now())


def release(
    world: World,
    scope: str | None,
    days: int,
    approvers: tuple[int, ...],
    product: str = STUDENT_FEEDBACK,
) -> None:
    """Plan, build, verify and approve, and let the days pass until it opens."""
    plan(world, scope, days, None, product)
    if product == SCHOOL_FEEDBACK:
        compute(world)
    build(world)
    verify(world)
    for person in approvers:
        approve(world, person)
    pass_days(world, days)
    make_links(world)


def make_links(world: World) -> None:
    """Make a download link as each requester, for a document that it may know."""
    world.refresh()
    for requester in world.requesters.values():
        known = sorted(world.knowledge.documents(requester))
        if known and world.knowledge.is_known(requester):
            make_link(world, requester, known[0])


def _openings_to_come(world: World) -> dict[tuple[str, OpeningKey], str]:
    """Return the ids of the openings to come, by product and their moments of the story."""
    path = f"/v1/openings?administrationId={ADMINISTRATION}&pageSize=200"
    now, releases = world.now(), world.knowledge.releases
    found = {}
    for item in world.read(world.persons[0], path)["items"]:
        moment = world.story.at(datetime.fromisoformat(item["opensAt"]))
        key = moment, item.get("recallId")
        if key in releases[item["product"]].openings and moment > now:
            found[item["product"], key] = item["id"]
    return found


def pass_days(world: World, days: int) -> None:
    """Let time pass: stored instants of releases, mandates and viewings move into the past."""
    by = timedelta(days=days)
    with UnitOfWork(world.deployment.owner) as unit:
        shift_time(unit.session, by)
        unit.session.execute(text("set local session_replication_role = replica"))
        for moved in (
            "mandates set from_on = from_on - :days, until_on = until_on - :days",
            "viewing_duties set day = day - :days",
            f"viewing_slots set {', '.join(SLOT_TIMES)}",
        ):
            unit.session.execute(text(f"update {moved}"), {"days": days, "by": by})
    world.story = world.story.later(by)


def recall(world: World, scope: str | None, product: str = STUDENT_FEEDBACK) -> None:
    body = {"administrationId": ADMINISTRATION, "product": product, "reason": "norm"}
    if scope is not None:
        kind = "component" if scope in TARGET_GROUPS else "targetGroup"
        body["schoolId" if scope.isdigit() else kind] = scope
    reply = world.call(world.persons[0], "POST", "/v1/recalls", body)
    assert reply.status == 201, reply
    (made,) = json.loads(reply.body)["items"]
    world.knowledge.releases[product].recalls.append(ModelRecall(made["id"], scope))


def hand_over(world: World, school: str, class_group: str) -> None:
    body = {"administrationId": ADMINISTRATION, "classGroup": class_group, "means": "printed"}
    world.call(world.portal_of(school), "POST", "/v1/handOvers", body)


def give_mandate(world: World, school: str, days: int, *products: str) -> None:
    """Share products with the vendor, from today on."""
    body: dict[str, Any] = {"clientId": world.vendor.client, "products": products}
    body |= {"purpose": "Report book", "until": _stored_day(world, days)}
    reply = world.call(world.portal_of(school), "POST", "/v1/mandates", body)
    if reply.status == 201:
        made = json.loads(reply.body)
        term = world.day_in(0), world.day_in(days)
        given = ModelMandate(made["id"], school, world.vendor.client, frozenset(products), *term)
        world.knowledge.mandates[given.id] = given


def _stored_day(world: World, days: int) -> str:
    """Return the day, so many from today, as it is stored."""
    return (world.day_in(days) - world.story.passed).isoformat()


def end_mandate(world: World, number: int, days: int | None) -> None:
    """Shorten a mandate of the vendor to some days from today, or revoke it (None)."""
    given = [one for one in world.knowledge.mandates.values() if one.school != EMPTY]
    if not given:
        return
    mandate = given[number % len(given)]
    path, school = f"/v1/mandates/{mandate.id}", world.portal_of(mandate.school)
    if days is None:
        reply = world.call(school, "POST", f"{path}/revoke")
        changed = replace(mandate, is_revoked=True)
    else:
        reply = world.call(school, "PATCH", path, {"until": _stored_day(world, days)})
        changed = replace(mandate, until_on=world.day_in(days))
    if reply.status == 200:
        world.knowledge.mandates[mandate.id] = changed


def suspend(world: World, name: str) -> None:
    """Suspend the client of a requester."""
    known = {**world.requesters, **{one.name: one for one in world.persons}}
    client = known[name].client
    path = f"/v1/clients/{client}"
    reply = world.call(world.persons[2], "PATCH", path, {"state": "suspended"})
    if reply.status == 200:
        world.knowledge.suspended.add(client)
        for number, person in enumerate(world.persons):
            if person.client == client:
                for release in world.knowledge.releases.values():
                    release.suspend(number, world.now())


def activate_all(world: World) -> None:
    """Activate all clients, as persons do after the delay."""
    with UnitOfWork(world.deployment.owner) as unit:
        unit.session.execute(update(Client).values(state="active"))
    world.knowledge.suspended.clear()


def make_link(world: World, requester: Requester, document: str) -> None:
    """Make a download link, if the requester may read the document."""
    reply = world.call(requester, "POST", f"/v1/documents/{document}/grants")
    if reply.status == 201:
        secret = json.loads(reply.body)["href"].rpartition("/")[2]
        world.knowledge.links[secret] = requester, document


def restart_api(world: World) -> None:
    world.sender.close()
    world.deployment.restart_api()


def restart_worker(world: World) -> None:
    world.deployment.restart_worker()
