"""Random sequences of bookings against a model: the places counted are those that are taken.

The environment variable `VIEWING_SEQUENCES` sets the number of sequences.
"""

import os
from functools import partial
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select, text

from shared.core.database import Sessions
from shared.core.errors import Conflict
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.viewings import plan_repository, service, waiting_list
from shared.viewings.codes import ViewingKey
from shared.viewings.models import ViewingRegistration, ViewingSlot
from shared.viewings.rules import LIVE, PLACED, AnnulmentReason, RegistrationState
from shared.viewings.service import NewRegistration
from tests.api.seeding import SCHOOL, Seeded
from tests.callers import school_request
from tests.viewings.killed_process import KILLED, MOMENTS, KilledProcess, UseCase, outcome_of
from tests.viewings.seeding import Viewing, add_students

SEQUENCES = int(os.environ.get("VIEWING_SEQUENCES", "6"))
ACCESS = school_request(SCHOOL)
state = RegistrationState
numbers = st.integers(0, 5)
slots = st.integers(0, 2)


moments = st.none() | st.integers(0, MOMENTS)
"""When the process of a use case is killed: before a statement or the commit of this number."""


class Machine(RuleBasedStateMachine):
    """Six students and three slots of one day; `live` has the state and the slot of a student."""

    viewing: Viewing
    sessions: Sessions
    settings: Settings
    key: ViewingKey
    students: list[UUID]
    killed = 0

    def __init__(self) -> None:
        super().__init__()
        self.viewing.clear()
        self.viewing.configure(school_quota=5)
        self.slots = [self.viewing.slot(2) for _ in range(3)]
        self.capacity = dict.fromkeys(self.slots, 2)
        self.live: dict[int, tuple[state, UUID, UUID]] = {}
        self.order: list[UUID] = []

    def taken(self, slot: UUID | None = None) -> int:
        return sum(
            kind in PLACED and slot in {None, where} for kind, where, _ in self.live.values()
        )

    def waiting(self, slot: UUID) -> list[int]:
        return sorted(
            (
                number
                for number, (kind, where, _) in self.live.items()
                if (kind, where) == (state.WAITING, slot)
            ),
            key=lambda number: self.order.index(self.live[number][2]),
        )

    def refusal(self, slot: UUID, *, is_placed: bool = False) -> str | None:
        """Return the code with which a place in a slot is refused."""
        at_quota = self.taken() >= 5
        if self.taken(slot) >= self.capacity[slot] or (self.waiting(slot) and not at_quota):
            return "slotFull"
        return "quotaReached" if at_quota and not is_placed else None

    def attempt(self, use_case: UseCase, moment: int | None = None) -> Any:
        """Do something as the school; return its outcome, or the code of a conflict.

        With a moment, a process does it, and is killed.
        """
        if moment is not None:
            process = KilledProcess.start(self.settings, use_case, ACCESS.caller, moment)
            outcome = process.outcome()
            Machine.killed += outcome == KILLED
            return outcome
        try:
            with UnitOfWork(self.sessions) as unit:
                return outcome_of(use_case, ACCESS.caller, unit)
        except Conflict as conflict:
            return conflict.code

    @rule(number=numbers, slot=slots, waits=st.booleans(), moment=moments)
    def book(self, number: int, slot: int, *, waits: bool, moment: int | None) -> None:
        where = self.slots[slot]
        new = NewRegistration(self.students[number], where, wait_if_full=waits)
        register = partial(service.register, access=ACCESS, key=self.key, new=new)
        made = self.attempt(register, moment)
        if made == KILLED:
            return
        if self.taken(where) >= self.capacity[where] and not waits:
            assert made == "slotFull"
        elif number in self.live:
            assert made == "alreadyRegistered"
        elif (refused := self.refusal(where)) and not (waits and refused == "slotFull"):
            assert made == refused
        else:
            expected = state.WAITING if refused else state.CONFIRMED
            assert made.state == expected
            self.order.append(made.id)
            self.live[number] = expected, where, made.id

    @rule(number=numbers, slot=slots, moment=moments)
    def move(self, number: int, slot: int, moment: int | None) -> None:
        if number not in self.live:
            return
        kind, where, registration = self.live[number]
        to = self.slots[slot]
        move = partial(service.move, access=ACCESS, registration_id=registration, slot_id=to)
        moved = self.attempt(move, moment)
        if moved == KILLED:
            return
        if kind is state.OPEN:
            assert moved == "registrationEnded"
        elif to == where:
            assert kind is state.CONFIRMED or moved == "slotFull"
        elif refused := self.refusal(to, is_placed=kind in PLACED):
            assert moved == refused
        else:
            assert moved.slot_id == to
            self.live[number] = state.CONFIRMED, to, registration

    @rule(number=numbers, moment=moments)
    def cancel(self, number: int, moment: int | None) -> None:
        if number in self.live:
            registration = self.live[number][2]
            cancel = partial(service.cancel, access=ACCESS, registration_id=registration)
            done = self.attempt(cancel, moment)
            if done == KILLED:
                return
            assert done.state == state.CANCELLED
            del self.live[number]

    @rule(number=numbers)
    def accept(self, number: int) -> None:
        if number in self.live:
            kind, where, registration = self.live[number]
            done = self.attempt(
                partial(service.accept, access=ACCESS, registration_id=registration)
            )
            if kind is state.WAITING:
                assert done == "offerExpired"
            else:
                self.live[number] = state.CONFIRMED, where, registration

    @rule(number=numbers)
    def annul(self, number: int) -> None:
        if number in self.live and self.live[number][0] is state.CONFIRMED:
            registration = str(self.live.pop(number)[2])
            self.viewing.change(registration, state=state.ANNULLED, reason=AnnulmentReason.MISTAKE)

    @rule(slot=slots, capacity=st.integers(0, 3))
    def resize(self, slot: int, capacity: int) -> None:
        """Shrink or grow a slot, as an operator."""
        where = self.slots[slot]
        with UnitOfWork(self.sessions) as unit:
            unit.session.execute(text("select set_config('toetsfeedback.kind', 'operator', true)"))
            done = plan_repository.set_capacity(unit.session, where, capacity)
        assert done is (capacity >= self.taken(where))
        if done:
            self.capacity[where] = capacity

    @rule(number=numbers)
    def expire(self, number: int) -> None:
        if number in self.live and self.live[number][0] is state.OFFERED:
            registration = str(self.live.pop(number)[2])
            self.viewing.change(registration, state=state.EXPIRED, offer_expires_at=None)

    @rule()
    def offer(self) -> None:
        """Let the sweeper settle one registration: the longest wait for a free place."""
        free = [
            number
            for slot in self.slots
            if self.taken(slot) < self.capacity[slot] and self.taken() < 5
            for number in self.waiting(slot)
        ]
        with UnitOfWork(self.viewing.sessions) as unit:
            assert waiting_list.settle_next(unit) is bool(free)
        if free:
            first = min(free, key=lambda number: self.order.index(self.live[number][2]))
            _, where, registration = self.live[first]
            self.live[first] = state.OFFERED, where, registration

    @invariant()
    def counted_places_are_those_that_are_taken(self) -> None:
        with UnitOfWork(self.viewing.sessions) as unit:
            rows = unit.session.execute(
                select(
                    ViewingRegistration.id, ViewingRegistration.state, ViewingRegistration.slot_id
                ).where(ViewingRegistration.state.in_(LIVE))
            ).all()
            taken = dict(unit.session.execute(select(ViewingSlot.id, ViewingSlot.taken)).all())
            day = unit.session.scalar(text("select taken from viewing_school_days"))
        expected = {(one, kind, slot) for kind, slot, one in self.live.values()}
        assert {(row.id, row.state, row.slot_id) for row in rows} == expected
        assert {slot: taken[slot] for slot in self.slots} == {
            slot: self.taken(slot) for slot in self.slots
        }
        assert (day or 0) == self.taken()


def test_places_are_never_sold_twice(
    viewing: Viewing,
    api_sessions: Sessions,
    api_settings: Settings,
    sessions: Sessions,
    key: ViewingKey,
    seeded: Seeded,
) -> None:
    with UnitOfWork(sessions) as unit:
        Machine.students = add_students(unit.session, seeded, 6)
    Machine.viewing, Machine.sessions, Machine.key = viewing, api_sessions, key
    Machine.settings = api_settings
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        ),
    )
    assert Machine.killed > 0
