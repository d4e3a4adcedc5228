"""Release morning: the window opens, and a person of every school signs on, lists and downloads.

Scale 1 is the size of 2024: 3,853 schools. All documents are built before. People arrive at a
constant rate from the opening on, whatever has been served by then; latency counts from the moment
at which a request was due. Servers, two API processes, workers, an OpenID provider and the portal
run on this machine. The portal is this program, which calls the API; with `--portal` it is that of
the service, in front of one API process, and people use its pages.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Protocol
from uuid import uuid4

import httpx
import psutil
from sqlalchemy import text

from benchmarks.access_targets import listening, scalars
from benchmarks.measuring import ADMINISTRATION, cpu_seconds, plan_release
from benchmarks.portal import Portal, Served, sleep_until
from benchmarks.portal_visitors import PortalVisitors
from benchmarks.recording import Report
from benchmarks.release_night import SCHOOLS_IN_2024, Run, start_run
from clients.python.http import open_client
from embedded.instance import Instance
from embedded.programs import toetsfeedback_command
from services.cli.target import sessions_of
from shared.oauth.clients.rules import ClientKind
from tests.api.oauth_clients import register_client
from tests.oauth.provider_process import RULES, OpenIdProvider, claims, openid_provider

PROVIDER_FILE = "TOETSFEEDBACK_USER_PROVIDER_FILE"
ARRIVAL_SECONDS = 80.0
"""The time in which the people of all schools of 2024 arrive."""
WATCHERS = 8
"""Schools whose people sign on before the opening, and ask again and again until it."""
WATCH_SECONDS, WATCH_PAUSE_SECONDS = 10.0, 0.05
PERCENT = 100
MIB = 1024 * 1024

_SCHOOLS = text("select school_id from participations order by school_id")
_DOCUMENTS = text("select id from documents where school_id = :school_id and kind = 'overview'")


@dataclass(slots=True)
class Watch:
    """Answers around the opening: how many had content before it, and the first one after it."""

    opens_at: float
    early: int = 0
    asked: int = 0
    seen_after: list[float] = field(default_factory=list)

    def see(self, moment: float) -> None:
        """Record the first answer of a watcher that has content."""
        self.early += moment < self.opens_at
        self.seen_after.append(moment - self.opens_at)


class People(Protocol):
    """The people of all schools, and the figures of their requests."""

    served: Served

    @property
    def schools(self) -> Sequence[str]: ...

    async def serve(self, school_id: str, due: float) -> None:
        """Serve the person of a school who arrives at `due`."""

    async def questions(
        self, school_id: str, document: str
    ) -> Sequence[Callable[[], Awaitable[bool]]]:
        """Sign on; return functions that look whether the list or a document has content."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1 is the size of 2024")
    parser.add_argument(
        "--arrivals",
        type=float,
        default=ARRIVAL_SECONDS,
        help="seconds in which 3,853 schools arrive; fewer schools arrive at the same rate",
    )
    parser.add_argument(
        "--write", action="store_true", help="store the run under benchmarks/results/"
    )
    parser.add_argument(
        "--portal", action="store_true", help="people use the pages of the portal, by one API"
    )
    arguments = parser.parse_args()
    report = Report("release_morning_portal" if arguments.portal else "release_morning")
    with ExitStack() as stack:
        provider = None if arguments.portal else stack.enter_context(provider_of_heads())
        run = stack.enter_context(start_run(report, arguments.scale))
        run.import_delivery()
        run.build()
        people: People = (
            PortalVisitors.of(run.instance, schools_of(run.instance))
            if provider is None
            else stack.enter_context(portal_of(run.instance, provider))
        )
        opens_at = plan_release(run.instance, ADMINISTRATION)
        measure(run, people, opens_at, SCHOOLS_IN_2024 / arguments.arrivals)
    if arguments.write:
        report.write()


@contextmanager
def provider_of_heads() -> Iterator[OpenIdProvider]:
    """Start a provider, and describe it to the API that is started next."""
    with (
        tempfile.TemporaryDirectory(prefix="toetsfeedback-provider-") as directory,
        openid_provider(Path(directory)) as provider,
    ):
        os.environ[PROVIDER_FILE] = provider_file(provider)
        yield provider


def provider_file(provider: OpenIdProvider) -> str:
    """Write the settings of the provider, in which heads read documents; return the path."""
    roles = {"Raadpleger": ["schools:read", "students:read", "results:read", "documents:read"]}
    settings = provider.settings(claims=RULES | {"roles": roles})
    file = provider.key_file.with_name("provider.json")
    file.write_text(settings.model_dump_json(), encoding="utf-8")
    return str(file)


@contextmanager
def portal_of(instance: Instance, provider: OpenIdProvider) -> Iterator[Portal]:
    """Start the second API process; register a portal, and issue a token for each person."""
    schools = schools_of(instance)
    subject_tokens = dict(zip(schools, issue_tokens(provider, schools), strict=True))
    environment = os.environ | instance.record().environment_of("api")
    url = instance.record().settings().public_url
    first = httpx.URL(instance.api_url or "").port or 0
    with (
        listening(toetsfeedback_command("api", "--port"), environment) as second,
        sessions_of(instance.record().settings()) as sessions,
    ):
        client = register_client(sessions, url, ClientKind.PORTAL)
        yield Portal(client, (first, second), subject_tokens)


def schools_of(instance: Instance) -> list[str]:
    return [str(school) for school in scalars(instance, _SCHOOLS)]


def issue_tokens(provider: OpenIdProvider, schools: Sequence[str]) -> Iterator[str]:
    """Iterate over tokens of the provider, one for a person at each school."""
    with open_client(provider.url) as http:
        for school_id in schools:
            person = claims(
                vo_id=uuid4().hex,
                vo_orgcode=school_id,
                toetsfeedback_rol_3d=[f"Raadpleger:{school_id}"],
            )
            yield str(http.post("/issue", json=person).json()["opaque"])


def measure(run: Run, people: People, opens_at: datetime, rate: float) -> None:
    """Serve every school, and report the figures."""
    before, own = used_cpu(run.instance), time.process_time()
    watch, lags = asyncio.run(serve_all(run.instance, people, opens_at.timestamp(), rate))
    seconds = time.time() - watch.opens_at
    served = people.served
    run.show("seconds", seconds, schools=served.schools, arrivals_per_second=rate)
    for kind, waited in served.seconds.items():
        cut = quantiles(waited, n=PERCENT)
        run.show("p50_ms", median(waited) * 1000, of=kind, count=len(waited))
        run.show("p99_ms", cut[-1] * 1000, of=kind, count=len(waited))
    run.show("mib_per_second", served.size / MIB / seconds)
    for kind, count in served.refused.items():
        run.show("refused", count, of=kind)
    for text_, count in served.errors.items():
        print(json.dumps({"error": text_, "count": count}))
    run.show("errors", served.errors.total())
    run.show("early", watch.early, asked=watch.asked)
    run.show("opened_after_ms", max(watch.seen_after) * 1000)
    run.show("generator_cpu_share", (time.process_time() - own) / seconds)
    run.show("generator_lag_p99_ms", quantiles(lags, n=PERCENT)[-1] * 1000)
    for kind, used in used_cpu(run.instance).items():
        run.show("cpu_seconds", used - before[kind], process=kind)


def used_cpu(instance: Instance) -> dict[str, float]:
    """Return the CPU seconds used so far per kind of process, those of the second API included."""
    started = psutil.Process().children()
    apis = [process for process in started if "api" in process.cmdline()]
    return cpu_seconds(instance) | {"api": sum(sum(api.cpu_times()[:2]) for api in apis)}


async def serve_all(
    instance: Instance, people: People, opens_at: float, rate: float
) -> tuple[Watch, list[float]]:
    """Let people arrive at a rate from the opening on; return what was seen around it.

    The second value has the seconds that each arrival was late: the limit of the generator.
    """
    watch, lags = Watch(opens_at), list[float]()
    schools = people.schools
    watching = [
        asyncio.create_task(watch_school(instance, people, school, watch))
        for school in schools[:: max(1, len(schools) // WATCHERS)]
    ]
    visits = []
    for number, school_id in enumerate(schools):
        due = opens_at + number / rate
        await sleep_until(due)
        lags.append(time.time() - due)
        visits.append(asyncio.create_task(people.serve(school_id, due)))
    await asyncio.gather(*watching, *visits)
    return watch, lags


async def watch_school(instance: Instance, people: People, school_id: str, watch: Watch) -> None:
    """Ask for the list and for a document of a school until both are open; count early answers."""
    (document,) = scalars(instance, _DOCUMENTS.bindparams(school_id=school_id))
    await sleep_until(watch.opens_at - WATCH_SECONDS)
    questions = await people.questions(school_id, document)
    for has_content in questions:
        while not await has_content():
            watch.asked += 1
            await asyncio.sleep(WATCH_PAUSE_SECONDS)
        watch.see(time.time())


if __name__ == "__main__":
    main()
