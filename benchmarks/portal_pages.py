"""The pages of the portal for a large school: time, bytes and requests to the API of each.

A school of 1,200 students in 50 class groups has its feedback released. A head who is signed on
visits each page over HTTP. Servers, API, portal and the OpenID provider run on
this machine.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlencode

import httpx
from sqlalchemy import text

from benchmarks.access_targets import scalars
from benchmarks.measuring import ADMINISTRATION, build_and_release, cpu_seconds, timed_import
from benchmarks.recording import Report
from benchmarks.years import WITHOUT_LIMITS
from clients.python.http import open_client
from embedded.instance import Instance
from embedded.portal_programs import PORTAL_URL
from embedded.up import running
from services.portal.app import PAGES
from synthetic.generate import DeliveryPlan, generate_delivery
from tests.portal.conftest import Person

STUDENTS, CALLS = 1_200, 50
TWENTIETHS = 20
NOT_SHOWN = {httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND}
"""Statuses of pages that are for others, or of what is not released here."""
SEARCH, HAND_OVER = "/klassen/zoeken", "/overhandigen/noteren"

_SCHOOL = text("select school_id from students limit 1")
_CLASS_GROUP = text("select name from class_groups order by sort_key limit 1")
_NAME = text("select family_name from students order by length(family_name) desc limit 1")
_FICHE = text("select id from documents where kind = 'fiche' order by file_name limit 1")

Visit = Callable[[], httpx.Response]


@dataclass(frozen=True, slots=True)
class RequestLog:
    """The requests that the API has logged."""

    file: Path

    def count(self) -> int:
        """Return the number of requests until now, without those that only lacked a nonce."""
        lines = self.file.read_text(encoding="utf-8").splitlines()
        requests = (json.loads(line) for line in lines if '"route": "/v1' in line)
        return sum(one["status"] != httpx.codes.UNAUTHORIZED for one in requests)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=STUDENTS, help="students of the school")
    parser.add_argument("--calls", type=int, default=CALLS, help="timed visits of each page")
    parser.add_argument(
        "--write", action="store_true", help="store the run under benchmarks/results/"
    )
    arguments = parser.parse_args()
    report = Report("portal_pages")
    with released_school(arguments.students) as instance, signed_on(instance) as person:
        visits = dict(visits_of(instance, person))
        show_sizes(report, RequestLog(instance.data.log("api")), visits)
        show_times(report, instance, visits, arguments.calls)
    if arguments.write:
        report.write()


@contextmanager
def released_school(students: int) -> Iterator[Instance]:
    os.environ.update(WITHOUT_LIMITS)
    with tempfile.TemporaryDirectory(prefix="toetsfeedback-bench-") as directory:
        delivery, instance = Path(directory, "delivery"), Instance(Path(directory, "data"))
        plan = DeliveryPlan(schools=1, seed=1, students_per_school=students, with_items=False)
        generate_delivery(plan, delivery)
        with running(instance, workers=2):
            timed_import(instance, delivery)
            build_and_release(instance)
            yield instance


@contextmanager
def signed_on(instance: Instance) -> Iterator[Person]:
    """Sign a head on, who hands the fiches of the first class group over."""
    (school,), (group,) = (scalars(instance, query) for query in (_SCHOOL, _CLASS_GROUP))
    url = instance.environment[PORTAL_URL]
    with open_client(url, timeout=60) as http:
        person = Person(url, http)
        person.sign_on("head", school).raise_for_status()
        form = {"afname": ADMINISTRATION, "klas": group, "wie": "klas", "wijze": "afgedrukt"}
        require(person.post(HAND_OVER, form), httpx.codes.SEE_OTHER)
        yield person


def visits_of(instance: Instance, person: Person) -> Iterator[tuple[str, Visit]]:
    """Iterate over the pages, those of a class group with the first one, and the fiche of one."""
    queries = (_CLASS_GROUP, _NAME, _FICHE)
    (group,), (name,), (fiche,) = (scalars(instance, query) for query in queries)
    query = urlencode({"afname": ADMINISTRATION, "klas": group})
    for path in PAGES:
        if "{" in path or person.get(f"{path}?{query}").status_code in NOT_SHOWN:
            continue
        yield path, partial(person.get, f"{path}?{query}")
    form = {"form_token": person.form_token(), "afname": ADMINISTRATION, "leerling": name}
    yield SEARCH, partial(person.send, SEARCH, form)
    yield "/documenten", partial(person.get, f"/documenten/{fiche}/bekijken")


def require(response: httpx.Response, status: int = httpx.codes.OK) -> httpx.Response:
    if response.status_code != status:
        raise SystemExit(f"{response.request.url.path}: status {response.status_code}")
    return response


def show_sizes(report: Report, log: RequestLog, visits: dict[str, Visit]) -> None:
    """Report bytes and requests of each page, and the largest of both."""
    sizes, requests = dict[str, int](), dict[str, int]()
    for page, visit in visits.items():
        before = log.count()
        sizes[page] = len(require(visit()).content)
        requests[page] = log.count() - before
        report.show("bytes", sizes[page], of=page)
        report.show("requests", requests[page], of=page)
    report.show("most_bytes", max(sizes.values()))
    report.show("most_requests", max(requests.values()))


def show_times(report: Report, instance: Instance, visits: dict[str, Visit], calls: int) -> None:
    """Report the median and the 95th percentile of the time of each page, and its CPU time.

    The latter is that of all processes, and differs little on a machine that other programs use.
    """
    slowest = 0.0
    for page, visit in visits.items():
        used = sum(cpu_seconds(instance).values())
        seconds = [timed(visit) for _ in range(calls)]
        used = sum(cpu_seconds(instance).values()) - used
        late = quantiles(seconds, n=TWENTIETHS)[-1] * 1000
        slowest = max(slowest, late)
        report.show("p50_ms", median(seconds) * 1000, of=page, count=calls)
        report.show("p95_ms", late, of=page, count=calls)
        report.show("cpu_ms", used / calls * 1000, of=page, count=calls)
    report.show("slowest_p95_ms", slowest, load_average=round(os.getloadavg()[0], 1))


def timed(visit: Visit) -> float:
    began = time.perf_counter()
    require(visit())
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
