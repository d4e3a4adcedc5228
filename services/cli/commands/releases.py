"""Commands for releases: plan, show, verify, approve and recall them, as a registered person."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from services.cli.identity import ClientIdentity, PersonOption
from services.cli.output import print_table
from services.cli.plan_file import parse_moment, read_plan
from services.cli.release_steps import ReleaseClient, changes_of_manifest
from services.cli.target import DEFAULT_DATA, DataOption
from shared.access.products import Product
from shared.core.clock import in_brussels
from shared.core.errors import ConfigurationError, InvalidInput

app = typer.Typer(
    no_args_is_help=True, help="Plan, verify, approve and recall what schools can see."
)

AdministrationOption = Annotated[str, typer.Option(help="Id of the administration.")]
OpeningArgument = Annotated[UUID, typer.Argument(help="Id of the opening, see `release show`.")]
SHOWN_FINDINGS = 20


@app.command()
def plan(
    file: Annotated[Path, typer.Argument(help="CSV or JSON file with all windows.")],
    administration: AdministrationOption,
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Replace the release plan of an administration by that of a file."""
    planned = read_plan(file)
    with ReleaseClient.of(ClientIdentity.find(data, person)) as client:
        replaced = client.replace_plan(administration, planned)
        _show(client, administration, replaced["windows"])
    for opening in replaced["changedOpenings"]:
        print(f"Verify and approve opening {opening}.")


@app.command()
def show(
    administration: AdministrationOption,
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Show what opens when, in Brussels, and what blocks it."""
    with ReleaseClient.of(ClientIdentity.find(data, person)) as client:
        windows = client.read_plan(administration)[0]["windows"]
        _show(client, administration, windows)


@app.command()
def verify(
    opening: OpeningArgument, person: PersonOption = 1, data: DataOption = DEFAULT_DATA
) -> None:
    """Verify an opening, and print what is at fault or an exception; exit 1 with a fault."""
    with ReleaseClient.of(ClientIdentity.find(data, person)) as client:
        client.verify(str(opening))
        manifest = client.manifest(str(opening))
        _print_manifest(client, str(opening), manifest)
    if not manifest["isComplete"]:
        raise typer.Exit(1)


@app.command()
def approve(
    opening: OpeningArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Approve without a question.")] = False,
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Show the manifest of an opening and what it changes, and approve it."""
    with ReleaseClient.of(ClientIdentity.find(data, person)) as client:
        manifest = client.manifest(str(opening))
        _print_manifest(client, str(opening), manifest)
        if not yes:
            typer.confirm("Approve this manifest?", abort=True)
        approved = client.approve(str(opening), manifest["hash"])
    valid = sum(one["isValid"] for one in approved["approvals"])
    print(f"Approved by {valid} of {approved['approvalsNeeded']} persons: {approved['state']}.")


@app.command()
def recall(
    administration: AdministrationOption,
    reason: Annotated[str, typer.Option(help="The reason; do not name a student.")],
    product: Annotated[
        Product | None, typer.Option(help="One product; all of them without.")
    ] = None,
    target_group: Annotated[str | None, typer.Option(help="Code of a target group.")] = None,
    component: Annotated[str | None, typer.Option(help="Code of a component.")] = None,
    school: Annotated[str | None, typer.Option(help="Number of a school.")] = None,
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Recall what is released, at once: all of it, or a target group, component or school."""
    body = {
        "administrationId": administration,
        "reason": reason,
        "product": product and product.value,
        "targetGroup": target_group,
        "component": component,
        "schoolId": school,
    }
    with ReleaseClient.of(ClientIdentity.find(data, person)) as client:
        made = client.recall({name: value for name, value in body.items() if value is not None})
    for one in made:
        print(f"{one['id']} {one['product']}")


@app.command()
def succeed(
    successor: Annotated[str, typer.Argument(help="The new school number.")],
    predecessor: Annotated[str, typer.Argument(help="The old school number.")],
    revoke: Annotated[bool, typer.Option("--revoke", help="End the succession, at once.")] = False,
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Confirm that a school reads what another one got; it takes effect with a second person."""
    with ReleaseClient.of(ClientIdentity.find(data, person)) as client:
        if not revoke:
            made = client.confirm_succession(successor, predecessor)
        else:
            of_both = {"successorId": successor, "predecessorId": predecessor}
            found = [
                one
                for one in client.successions(successor)
                if of_both.items() <= one.items() and one["state"] != "revoked"
            ]
            if not found:
                raise InvalidInput("predecessor", detail="There is no such succession.")
            made = client.revoke_succession(found[0]["id"])
    print(f"{made['id']} {made['state']}")


@app.command()
def rehearse(
    administration: AdministrationOption,
    opens_at: Annotated[
        str | None, typer.Option(help="Opening time in Brussels; in a minute without.")
    ] = None,
    product: Annotated[Product, typer.Option(help="The product.")] = Product.STUDENT_FEEDBACK,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Development only: play the three invented persons of `up`, who plan and approve a release."""
    moment = datetime.now(UTC) + timedelta(minutes=1)
    if opens_at is not None:
        try:
            moment = parse_moment(opens_at)
        except ValueError as error:
            raise InvalidInput("opens_at", detail=str(error)) from None
    persons = [ClientIdentity.invented(data, number) for number in (1, 2, 3)]
    print(
        "DEVELOPMENT ONLY: one program plays three persons, who would check each other's work. "
        "Never release results of real students in this way."
    )
    opening = _plan_one(persons[0], administration, product, moment)
    with ReleaseClient.of(persons[0]) as planner:
        planner.verify(opening["id"])
        manifest = planner.manifest(opening["id"])
        _print_manifest(planner, opening["id"], manifest)
    for approver in persons[1:]:
        with ReleaseClient.of(approver) as client:
            opening = client.approve(opening["id"], manifest["hash"])
    print(f"{product.value} of {administration} opens at {_local(opening['opensAt'])}.")


def _plan_one(
    identity: ClientIdentity, administration: str, product: Product, moment: datetime
) -> dict[str, Any]:
    """Plan one window for a whole product, in place of those that it has; return its opening."""
    with ReleaseClient.of(identity) as planner:
        stored = planner.read_plan(administration)[0]
        names = ("product", "targetGroup", "component", "plannedFrom", "opensAt", "closesAt")
        windows = [
            {name: one[name] for name in (*names, "never") if name in one}
            for one in stored["windows"]
            if one["product"] != product.value
        ]
        windows.append({"product": product.value, "opensAt": moment.isoformat()})
        reopenings = stored["reopenings"]
        planner.replace_plan(administration, {"windows": windows, "reopenings": reopenings})
        for opening in planner.openings(administration):
            is_planned = datetime.fromisoformat(opening["opensAt"]) == moment
            if is_planned and opening["product"] == product.value:
                return opening
    raise ConfigurationError(
        f"the plan opens no component of {administration}: import its delivery first"
    )


def _show(client: ReleaseClient, administration: str, windows: list[dict[str, Any]]) -> None:
    openings = {
        (one["product"], one["opensAt"]): one
        for one in client.openings(administration)
        if "recallId" not in one
    }
    rows = [_row(window, openings) for window in windows]
    rows.sort()
    columns = "opens", "closes", "product", "target group", "component", "state", "opening"
    print_table(columns, rows)


def _row(
    window: dict[str, Any], openings: dict[tuple[str, str], dict[str, Any]]
) -> tuple[str, ...]:
    opening = openings.get((window["product"], window.get("opensAt", "")))
    state = window["state"]
    if opening is not None and state in {"planned", "blocked"}:
        blocker = opening.get("blockedBy")
        state = f"{opening['state']}: {blocker}" if blocker else opening["state"]
    return (
        "never" if window["never"] else _local(window.get("opensAt")),
        _local(window.get("closesAt")),
        window["product"],
        window.get("targetGroup", "all"),
        window.get("component", "all"),
        state,
        opening["id"] if opening is not None else "-",
    )


def _local(moment: str | None) -> str:
    if moment is None:
        return "-"
    return f"{in_brussels(datetime.fromisoformat(moment)):%Y-%m-%d %H:%M:%S}"


def _print_manifest(client: ReleaseClient, opening: str, manifest: dict[str, Any]) -> None:
    print(f"Manifest {manifest['number']} of opening {opening}: {manifest['hash']}")
    for name, count in manifest["counts"].items():
        print(f"  {name}: {count}")
    if manifest["number"] > 1:
        earlier = client.manifest(opening, manifest["number"] - 1)
        print(f"Changes since manifest {earlier['number']}:")
        for line in changes_of_manifest(earlier, manifest):
            print(f"  {line}")
    findings = client.findings(opening)
    for found in findings[:SHOWN_FINDINGS]:
        place = found.get("schoolId", "all schools")
        about = found.get("studentId") or found.get("documentId") or ""
        print(f"{found['kind']}: {found['code']} at {place} {about}".rstrip())
    if len(findings) > SHOWN_FINDINGS:
        print(f"{len(findings) - SHOWN_FINDINGS} more; list them with `call`.")
    if not manifest["isComplete"]:
        print("The manifest is not complete: nothing opens. Correct the faults, and verify again.")
