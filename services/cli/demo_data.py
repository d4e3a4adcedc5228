"""The data of `up --demo`: a delivery that is imported, built and released while it runs."""

import sys
import tempfile
import threading
from pathlib import Path

from clients.python.http import open_client
from embedded.data_directory import DataDirectory
from embedded.openid_provider.people import PEOPLE, DefaultSchool
from embedded.portal_programs import DEFAULT_SCHOOL, PORTAL_URL
from embedded.running_instance import RunningInstance
from services.cli.demo_portal import PortalDemo
from services.cli.errors import explain
from services.cli.steps import Steps


def load_in_background(instance: RunningInstance, schools: int) -> None:
    """Load the data in a thread, unless the instance has some; print how to sign on."""
    threading.Thread(target=_load, args=(instance, schools), daemon=True).start()


def _load(instance: RunningInstance, schools: int) -> None:
    try:
        _load_and_print(instance, schools)
    except Exception as error:  # noqa: BLE001  # the instance runs on without the data
        print(f"toetsfeedback: the demo could not be loaded: {explain(error)}", file=sys.stderr)


def _load_and_print(instance: RunningInstance, schools: int) -> None:
    data = DataDirectory(Path(instance.directory.path))
    with (
        open_client(instance.api_url or "") as client,
        tempfile.TemporaryDirectory(prefix="toetsfeedback-demo-") as directory,
    ):
        demo = PortalDemo(instance.settings(), client, Steps(), data.path, Path(directory))
        if not demo.has_data():
            data.write_key(DEFAULT_SCHOOL, demo.load(schools).to_json())
    school = DefaultSchool.read(data.keys / DEFAULT_SCHOOL)
    print(f"\nOpen {instance.environment[PORTAL_URL]} and sign on to school {school.school_id} as:")
    for person in PEOPLE:
        print(f"  {person.name}: {person.task}")
