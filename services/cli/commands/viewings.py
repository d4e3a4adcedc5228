"""Commands for test viewing: settings, locations, days and duties, as a registered person."""

from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

import typer

from services.cli.identity import ClientIdentity, PersonOption
from services.cli.output import print_table
from services.cli.target import DEFAULT_DATA, DataOption

app = typer.Typer(no_args_is_help=True, help="Plan where and when students can see their test.")

AdministrationOption = Annotated[str, typer.Option(help="Id of the administration.")]
LocationOption = Annotated[UUID, typer.Option(help="Id of the location, see `locations`.")]
DayOption = Annotated[str, typer.Option(help="The day in Brussels, as 2025-06-26.")]
_VIEWINGS = "/v1/viewings"


@app.command()
def configure(
    administration: AdministrationOption,
    companions: Annotated[int, typer.Option(help="Companions of a student at most.")] = 1,
    deadline_days: Annotated[
        int, typer.Option(help="Days before a slot with which registration ends.")
    ] = 3,
    margin_minutes: Annotated[
        int, typer.Option(help="Minutes that a visit may begin earlier and end later.")
    ] = 15,
    school_quota: Annotated[
        int | None, typer.Option(help="Places of a school on one day; no limit without.")
    ] = None,
    offer_hours: Annotated[
        int, typer.Option(help="Hours to accept a place that the waiting list offers.")
    ] = 24,
    retention_days: Annotated[
        int, typer.Option(help="Days after the window when registrations are deleted.")
    ] = 30,
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Replace the settings of the viewing of an administration."""
    body = {
        "companions": companions,
        "deadlineDays": deadline_days,
        "marginMinutes": margin_minutes,
        "offerHours": offer_hours,
        "retentionDays": retention_days,
    }
    if school_quota is not None:
        body["schoolQuota"] = school_quota
    path = f"{_VIEWINGS}/settings/{quote(administration, safe='')}"
    replaced = ClientIdentity.find(data, person).request("PUT", path, body)
    print_table(("setting", "value"), replaced.items())


@app.command()
def add_location(
    name: Annotated[str, typer.Argument(help="Name of the building.")],
    address: Annotated[str, typer.Argument(help="Street, number, postcode and town.")],
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Add a location, and print its id."""
    body = {"name": name, "address": address}
    made = ClientIdentity.find(data, person).request("POST", f"{_VIEWINGS}/locations", body)
    print(made["id"])


@app.command()
def locations(person: PersonOption = 1, data: DataOption = DEFAULT_DATA) -> None:
    """List the locations."""
    found = ClientIdentity.find(data, person).list_all(f"{_VIEWINGS}/locations")
    rows = [(one["id"], one["name"], one["address"]) for one in found]
    print_table(("id", "name", "address"), rows)


@app.command()
def add_day(
    administration: AdministrationOption,
    location: LocationOption,
    day: DayOption,
    capacity: Annotated[int, typer.Option(help="Students at the same time.")],
    opens_at: Annotated[str, typer.Option(help="Opening time in Brussels.")] = "09:00",
    closes_at: Annotated[str, typer.Option(help="Closing time in Brussels.")] = "16:30",
    minutes: Annotated[int, typer.Option(help="Length of a slot.")] = 90,
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Add the slots of a day at a location, and print them."""
    body = {
        "administrationId": administration,
        "locationId": str(location),
        "day": day,
        "opensAt": opens_at,
        "closesAt": closes_at,
        "minutes": minutes,
        "capacity": capacity,
    }
    made = ClientIdentity.find(data, person).request("POST", f"{_VIEWINGS}/days", body)
    _print_slots(made["items"])


@app.command()
def slots(
    administration: AdministrationOption,
    day: Annotated[str | None, typer.Option(help="Only this day, as 2025-06-26.")] = None,
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """List the slots with the places that are left."""
    query = f"administrationId={quote(administration, safe='')}"
    if day is not None:
        query += f"&day={quote(day, safe='')}"
    found = ClientIdentity.find(data, person).list_all(f"{_VIEWINGS}/slots?{query}")
    _print_slots(list(found))


@app.command()
def set_capacity(
    slot: Annotated[UUID, typer.Argument(help="Id of the slot, see `slots`.")],
    capacity: Annotated[int, typer.Argument(help="Students at the same time.")],
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Change the capacity of a slot, not below the places that are taken."""
    body, path = {"capacity": capacity}, f"{_VIEWINGS}/slots/{slot}"
    _print_slots([ClientIdentity.find(data, person).request("PATCH", path, body)])


@app.command()
def add_duty(
    client: Annotated[UUID, typer.Argument(help="Id of the client of an officer, or a portal.")],
    location: LocationOption,
    day: DayOption,
    subject: Annotated[
        str | None, typer.Option(help="Person of the portal, by the pseudonym at its provider.")
    ] = None,
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Give a viewing officer the duty at a location on a day, and print its id."""
    body = {"clientId": str(client), "locationId": str(location), "day": day}
    if subject is not None:
        body["subject"] = subject
    made = ClientIdentity.find(data, person).request("POST", f"{_VIEWINGS}/duties", body)
    print(made["id"])


@app.command()
def duties(person: PersonOption = 1, data: DataOption = DEFAULT_DATA) -> None:
    """List the duties of viewing officers."""
    found = ClientIdentity.find(data, person).list_all(f"{_VIEWINGS}/duties")
    rows = [
        (one["id"], one["day"], one["clientId"], one.get("subject", ""), one["locationId"])
        for one in found
    ]
    print_table(("id", "day", "client", "person", "location"), rows)


@app.command()
def end_duty(
    duty: Annotated[UUID, typer.Argument(help="Id of the duty, see `duties`.")],
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """End a duty at once."""
    ClientIdentity.find(data, person).request("DELETE", f"{_VIEWINGS}/duties/{duty}")


def _print_slots(found: list[dict[str, Any]]) -> None:
    rows = [
        (
            one["id"],
            one["location"]["name"],
            one["startsAt"],
            one["endsAt"],
            one["capacity"],
            one["placesLeft"],
        )
        for one in found
    ]
    print_table(("id", "location", "starts", "ends", "capacity", "left"), rows)
