"""The service as the search drives it: a real API over HTTP, a worker, a portal, and its database.

They run in this process, so that a test can sabotage them. A restart of the API or the worker
closes everything that it has in memory, and opens it again.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import structlog
from fastapi import FastAPI

from embedded.ports import LOOPBACK, choose_port
from services.api.app import create_app
from services.portal.app import create_app as create_portal
from services.worker.app import WorkerParts, create_worker
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.viewings.codes import ViewingKey
from tests.api.conftest import serve
from tests.deliveries.delivery_files import DeliveryFiles, full
from tests.portal.installation import PortalInstallation

ADMINISTRATION, EARLIER = "2024", "2023"
FIRST, SECOND = "000028", "007947"
EMPTY, BARE = "000036", "000044"
"""A school with a student of whom nothing is ever released, and one with nothing at all."""
UNLIMITED = 10**9

Wrap = Callable[[FastAPI], None]


class Deployment:
    """A running API, worker and portal on the database of a test; `owner` has every right there."""

    def __init__(
        self, settings_of: Callable[[str], Settings], owner: Sessions, directory: Path
    ) -> None:
        limits = {
            f"api_{name}_requests_per_minute": UNLIMITED for name in ("school", "client", "address")
        }
        limits["api_bulk_alarm_students_per_hour"] = UNLIMITED
        self.owner, self.directory = owner, directory
        self.installation = PortalInstallation.in_directory(directory)
        self._port = choose_port(avoid=self.installation.ports)
        self.url = f"http://{LOOPBACK}:{self._port}"
        described = {
            "user_provider_file": self.installation.describe_provider(),
            "public_url": self.url,
        }
        self.api_settings = settings_of("api").model_copy(update=limits | described)
        self._worker_settings = settings_of("worker")
        self.viewing_key = ViewingKey.read(self.api_settings.require_file("viewing_key_file"))
        self.change_app: Wrap = lambda _: None
        self._api, self._portal, self._worker = ExitStack(), ExitStack(), self._open_worker()
        self.restart_api()
        self._open_portal()

    def restart_api(self) -> None:
        """Start the API, again if it runs, on the same port."""
        self._api.close()
        self.app = create_app(self.api_settings)
        self.change_app(self.app)
        self._api.enter_context(serve(self.app, port=self._port))

    def restart_worker(self) -> None:
        self._close_worker()
        self._worker = self._open_worker()

    def work(self) -> None:
        """Run all items that are due."""
        self._worker.execution.run()

    def close(self) -> None:
        self._portal.close()
        self._api.close()
        self._close_worker()

    def _open_portal(self) -> None:
        """Serve a portal, and the provider at which its people sign on."""
        installation, redis_url = self.installation, self.api_settings.redis_url
        client_id = installation.register(self.owner)
        apps = {
            installation.provider_port: installation.provider().app(),
            installation.portal_port: create_portal(
                installation.settings(self.url, client_id, redis_url)
            ),
        }
        for port, app in apps.items():
            self._portal.enter_context(serve(app, port=port))

    def _open_worker(self) -> WorkerParts:
        return create_worker(self._worker_settings)

    def _close_worker(self) -> None:
        self._worker.broker.close()
        self._worker.execution.sessions.kw["bind"].dispose()


@contextmanager
def running(
    settings_of: Callable[[str], Settings], owner: Sessions, directory: Path
) -> Iterator[Deployment]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    deployment = Deployment(settings_of, owner, directory)
    try:
        yield deployment
    finally:
        deployment.close()
        structlog.configure(**before)


def first_delivery() -> DeliveryFiles:
    """Return the delivery of the administration that is built and released."""
    delivery = full()
    delivery.add("students.csv", "s6", FIRST, "4A", "", "Ed", "1000006", "")
    for row in delivery.rows["students.csv"][1:]:
        row[3] = f"Achternaam-{row[0]}"  # in no other text of the service
    for row in delivery.rows["components.csv"][1:]:
        row[3] = f"Onderdeel-{row[0]}"
    return delivery


def earlier_delivery() -> DeliveryFiles:
    """Return the delivery of the schools about which there is nothing to know."""
    delivery = full()
    delivery.manifest |= {"administrationId": EARLIER, "deliveryId": str(uuid4())}
    assert delivery.administration is not None
    days = {"testedFrom": "2023-04-24", "testedUntil": "2023-05-16"}
    delivery.administration |= {"id": EARLIER, "schoolYear": "2022-2023", "name": "Toetsen"} | days
    schools = [[number, "De Els", "Genk", "211", "", ""] for number in (EMPTY, BARE)]
    for name, rows in (
        ("schools.csv", schools),
        ("class_groups.csv", [[EMPTY, "4A", "LO4", "", ""]]),
        ("students.csv", [["e1", EMPTY, "4A", "Achternaam-e1", "Bo", "1000001", ""]]),
    ):
        delivery.rows[name] = [delivery.rows[name][0], *rows]
    for name in ("results.csv", "item_results.csv"):
        delivery.rows[name] = delivery.rows[name][:1]
    return delivery
