from services.worker.app import create_worker
from shared.core.settings import Settings
from shared.jobs.queue import WAKE_UPS
from shared.jobs.rules import KINDS


def test_every_kind_of_job_has_an_actor_on_the_wake_up_queue(settings: Settings) -> None:
    broker, execution = create_worker(settings)
    assert broker.get_declared_actors() == set(KINDS)
    assert broker.get_declared_queues() == {WAKE_UPS}
    assert execution.threads == settings.worker_threads
    broker.close()
