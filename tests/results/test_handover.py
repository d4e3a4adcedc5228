from uuid import UUID

from sqlalchemy import select

from shared.core.database import Sessions, transaction
from shared.jobs.models import JobItem
from shared.jobs.queue import WakeUpQueue
from shared.results.handover import receive_delivery
from shared.results.models import Delivery


def test_a_delivery_that_is_received_waits_to_be_applied(
    sessions: Sessions, queue: WakeUpQueue
) -> None:
    with transaction(sessions) as session:
        job = receive_delivery(session, queue, "deliveries/one.zip", "steunpunt")
    with transaction(sessions) as session:
        delivery = session.get_one(Delivery, UUID(job.subject))
        items = session.scalars(select(JobItem.subject).where(JobItem.job_id == job.id)).all()
    assert (delivery.status, delivery.storage_key) == ("received", "deliveries/one.zip")
    assert delivery.received_from == job.requested_by == "steunpunt"
    assert (job.kind, job.lane, items) == ("deliveries.apply", "bulk", [job.subject])


def test_each_delivery_is_a_job_of_its_own(sessions: Sessions, queue: WakeUpQueue) -> None:
    with transaction(sessions) as session:
        jobs = [receive_delivery(session, queue, f"deliveries/{n}.zip", "x") for n in range(2)]
    assert jobs[0].id != jobs[1].id
