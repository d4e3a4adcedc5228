"""The time of a refusal: for an id of another school, and for one that does not exist.

Both are a 404 with the same bytes. With many components and schools, a difference in their times
would show if row policies were evaluated for rows only. The API runs in a temporary directory.
"""

import argparse
import asyncio
import os
import tempfile
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from statistics import median
from uuid import UUID, uuid4

import httpx
from sqlalchemy import text

from benchmarks.measuring import build_and_release, timed_import
from benchmarks.recording import Report
from benchmarks.traffic import Connection, Response, TokenClient, require
from clients.python.proofs import ProofKey
from embedded.instance import Instance
from embedded.up import running
from services.cli.target import sessions_of
from shared.access.rules import GRANTABLE, Caller, CallerKind, Scope
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.tokens import MAX_LIFETIME, TokenAuthority
from synthetic.generate import DeliveryPlan, generate_delivery

CLIENT = "bench"
WITHOUT_LIMITS = {
    f"TOETSFEEDBACK_API_{limit}": "1000000"
    for limit in (
        "SCHOOL_REQUESTS_PER_MINUTE",
        "CLIENT_REQUESTS_PER_MINUTE",
    )
}

_COMPONENTS = text("""
    insert into components (administration_id, code, target_group_id, subject, name, position,
                            is_calibration, level_scale)
    select administration_id, code || '-' || n, target_group_id, subject, name, n, false,
           level_scale
    from (select * from components where not is_calibration order by id limit 1) one,
         generate_series(1, :wanted - (select count(*) from components)) n
""")
_MANDATES = text("""
    insert into mandates (school_id, client, products, from_on, until_on, purpose, decided_by)
    select school_id, :client, array['studentFeedback'], '2024-01-01', '2999-01-01', 'x', 'x'
    from (select school_id, row_number() over (order by school_id) as n from participations) one
    where n % 2 = 0
""")
_IDS = {
    noun: text(f"select id from {noun} where school_id = any(:schools)")
    for noun in ("students", "documents")
}
_SCHOOLS = text("select school_id from participations order by school_id")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schools", type=int, default=300)
    parser.add_argument("--components", type=int, default=320)
    parser.add_argument("--calls", type=int, default=1_000, help="requests of each sort")
    parser.add_argument("--parallel", type=int, default=1, help="connections that send at a time")
    parser.add_argument(
        "--write", action="store_true", help="store the run under benchmarks/results/"
    )
    arguments = parser.parse_args()
    report = Report("refusals")
    os.environ.update(WITHOUT_LIMITS)
    with (
        tempfile.TemporaryDirectory(prefix="toetsfeedback-bench-") as directory,
        started(Path(directory), arguments.schools, arguments.components) as instance,
    ):
        schools = [str(school) for school in scalars(instance, _SCHOOLS)]
        callers = {
            "school": (
                Caller(CLIENT, CallerKind.SCHOOL, _scopes("school"), schools[0]),
                schools[1:],
            ),
            "integrator": (
                Caller(CLIENT, CallerKind.INTEGRATOR, _scopes("integrator")),
                schools[::2],
            ),
        }
        about = {
            "schools": arguments.schools,
            "components": arguments.components,
            "parallel": arguments.parallel,
        }
        for kind, (caller, others) in callers.items():
            for noun, query in _IDS.items():
                ids = scalars(instance, query.bindparams(schools=others))
                client = client_of(instance, caller)
                port = httpx.URL(instance.api_url or "").port or 0
                measured = measure(client, port, noun, ids, arguments)
                show(report, asyncio.run(measured), of=noun, caller=kind, **about)
    if arguments.write:
        report.write()


async def measure(
    client: TokenClient,
    port: int,
    noun: str,
    others: Sequence[UUID],
    arguments: argparse.Namespace,
) -> dict[str, list[Response]]:
    """Request ids of other schools and nonexistent ones in turn, in a random order."""
    random = Random(1)  # noqa: S311  # an order to measure in, no secret
    responses: dict[str, list[Response]] = {"other_school": [], "nonexistent": []}

    async def drive(connection: Connection) -> None:
        for _ in range(arguments.calls // arguments.parallel):
            ids = {"other_school": random.choice(others), "nonexistent": uuid4()}
            for name in random.sample(list(ids), 2):
                response = await connection.send(client.request(f"/v1/{noun}/{ids[name]}"))
                responses[name].append(require(response, httpx.codes.NOT_FOUND))
        connection.close()

    connections = [await Connection.to(port) for _ in range(arguments.parallel)]
    await client.learn_nonce(connections[0])
    await asyncio.gather(*map(drive, connections))
    return responses


def show(report: Report, responses: dict[str, list[Response]], **about: object) -> None:
    medians = {name: median(one.seconds for one in own) for name, own in responses.items()}
    for name, seconds in medians.items():
        report.show(f"{name}_ms", seconds * 1000, median_of=len(responses[name]), **about)
    report.show("ratio", medians["other_school"] / medians["nonexistent"], **about)
    report.show("slower_share", slower_share(*responses.values()), **about)
    bodies = {without_varying_headers(one) for own in responses.values() for one in own}
    report.show("distinct_responses", len(bodies), **about)


def slower_share(ones: Sequence[Response], others: Sequence[Response]) -> float:
    """Return the share of pairs in which the first took longer: 0.5 when nothing differs."""
    ordered = sorted(other.seconds for other in others)
    slower = sum(bisect_left(ordered, one.seconds) for one in ones)
    return slower / (len(ones) * len(others))


def without_varying_headers(response: Response) -> bytes:
    """Return the response without trace id, time, nonce and rate limit."""
    lines = response.head.lower().split(b"\r\n")
    trace = next(line for line in lines if line.startswith(b"belgov-trace-id")).split()[1]
    varying = (b"belgov-trace-id", b"date", b"dpop-nonce", b"ratelimit:")
    constant = [line for line in lines if not line.startswith(varying)]
    return b"\r\n".join(constant) + response.body.replace(trace, b"")


@contextmanager
def started(directory: Path, schools: int, components: int) -> Iterator[Instance]:
    """Start an instance with so many schools and components, all released."""
    delivery, instance = directory / "delivery", Instance(directory / "data")
    generate_delivery(DeliveryPlan(schools=schools, seed=1, with_items=False), delivery)
    with running(instance, workers=1):
        timed_import(instance, delivery)
        build_and_release(instance)
        with sessions_of(instance.record().settings()) as sessions, UnitOfWork(sessions) as unit:
            unit.session.execute(_COMPONENTS, {"wanted": components})
            unit.session.execute(_MANDATES, {"client": CLIENT})
            unit.session.execute(text("analyze"))
        yield instance


def client_of(instance: Instance, caller: Caller) -> TokenClient:
    settings = instance.record().settings()
    key = ProofKey()
    token = TokenAuthority.of(settings).issue(caller, MAX_LIFETIME, key.thumbprint)
    return TokenClient(token, key, settings.public_url)


def scalars(instance: Instance, query: object) -> Sequence[UUID]:
    with sessions_of(instance.record().settings()) as sessions, UnitOfWork(sessions) as unit:
        return unit.session.scalars(query).all()  # type: ignore[call-overload, no-any-return]


def _scopes(kind: str) -> frozenset[Scope]:
    return GRANTABLE[CallerKind(kind)]


if __name__ == "__main__":
    main()
