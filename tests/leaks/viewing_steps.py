"""Steps of test viewing: plan a day, register, move, and check in at the desk."""

from sqlalchemy import text

from shared.core.unit_of_work import UnitOfWork
from tests.leaks import steps
from tests.leaks.deployment import ADMINISTRATION, FIRST, SECOND
from tests.leaks.model import TEST_VIEWING
from tests.leaks.world import World

REGISTRATIONS = "/v1/viewings/registrations"
DAY = {"opensAt": "00:00", "closesAt": "23:59", "minutes": 479, "capacity": 2}

# The slot of a location that contains this time of the day, on the last planned day.
_SLOT = text("""
select id::text from viewing_slots
where location_id = :location and starts_at > now()
  and now() + (day - (now() at time zone 'Europe/Brussels')::date) * interval '1 day'
      between starts_at and ends_at
order by day desc limit 1
""")
_DAYS_AHEAD = text("""
select max(day) - (now() at time zone 'Europe/Brussels')::date from viewing_slots
""")


def plan_day(world: World, days: int) -> bool:
    """Plan a day of viewing at both locations, each with an officer; False if it is refused."""
    if None not in world.knowledge.releases[TEST_VIEWING].windows:
        steps.plan(world, None, days, None, TEST_VIEWING)
    day = world.day_in(days + 1)
    stored = {"day": (day - world.story.passed).isoformat()}
    replies = []
    for location, officer in zip(world.locations, world.officers, strict=True):
        planned = stored | {"administrationId": ADMINISTRATION, "locationId": location} | DAY
        replies.append(world.call(world.operator, "POST", "/v1/viewings/days", planned))
        duty = stored | {"clientId": officer.client, "locationId": location}
        made = world.call(world.operator, "POST", "/v1/viewings/duties", duty)
        if made.status == 201:
            world.knowledge.duties.add((officer.client, location, day))
    return all(reply.status in {201, 409} for reply in replies)


def register(world: World, number: int) -> None:
    """Register a student for the last planned day, if the school may."""
    students = [
        one for one in world.knowledge.facts.students.values() if one.school in {FIRST, SECOND}
    ]
    student, slot = students[number % len(students)], _slot(world, number)
    if slot is not None:
        body = {"studentId": student.id, "slotId": slot}
        world.call(world.portal_of(student.school), "POST", REGISTRATIONS, body)


def register_all(world: World) -> None:
    """Register every student whose school may, in both locations."""
    for number in range(len(world.knowledge.facts.students)):
        register(world, number)


def move(world: World, number: int) -> None:
    """Move a registration to the other location, or cancel it if there is none."""
    world.refresh()
    registrations = list(world.knowledge.facts.registrations.values())
    if not registrations:
        return
    one = registrations[number % len(registrations)]
    slot = _slot(world, world.locations.index(one.location) + 1)
    path, body = f"{REGISTRATIONS}/{one.id}", {"slotId": slot}
    school = world.portal_of(one.school)
    if slot is None:
        world.call(school, "POST", f"{path}/cancel")
    else:
        world.call(school, "POST", f"{path}/move", body)


def arrive(world: World) -> None:
    """Let the days pass until the last planned day of viewing, and check everyone in."""
    with UnitOfWork(world.deployment.owner) as unit:
        days = unit.session.scalar(_DAYS_AHEAD)
    if days:
        steps.pass_days(world, days)
    world.refresh()
    for officer in world.officers:
        for visit in sorted(world.knowledge.visits(officer)):
            path = f"/v1/viewings/desk/registrations/{visit}/open"
            world.call(officer, "POST", path, {"identityChecked": True})


def withdraw_duties(world: World, number: int) -> None:
    """End the duties of an officer."""
    officer = world.officers[number % len(world.officers)]
    for duty in world.read(world.operator, "/v1/viewings/duties?pageSize=200")["items"]:
        if duty["clientId"] == officer.client:
            world.call(world.operator, "DELETE", f"/v1/viewings/duties/{duty['id']}")
    world.knowledge.duties = {duty for duty in world.knowledge.duties if duty[0] != officer.client}


def visit(world: World, number: int, stage: int) -> None:
    """Take the steps of a visit in their order, up to a stage."""
    if not plan_day(world, 1):
        return
    if stage > 0:
        register_all(world)
    if stage > 1:
        move(world, number)
    if stage > 2:
        steps.build(world)
        steps.verify(world)
        for person in (1, 2):
            steps.approve(world, person)
    if stage > 3:
        arrive(world)


def _slot(world: World, number: int) -> str | None:
    """Return the slot of a location that will run when its day has come."""
    location = world.locations[number % len(world.locations)]
    with UnitOfWork(world.deployment.owner) as unit:
        found: str | None = unit.session.scalar(_SLOT, {"location": location})
    return found
