from services.worker.app import create_broker
from shared.core.settings import Settings
from shared.jobs.rules import KINDS, Lane


def test_every_kind_of_job_has_an_actor_and_every_lane_a_consumer(settings: Settings) -> None:
    broker = create_broker(settings)
    assert broker.get_declared_actors() == set(KINDS)
    assert broker.get_declared_queues() == set(Lane)
    broker.close()
