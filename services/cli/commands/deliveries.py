"""Commands for deliveries: generate a synthetic one, and import one."""

from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.output import print_start, print_table
from services.cli.progress import progress_bar
from services.cli.target import DEFAULT_DATA, DataOption, sessions_of, settings_for
from shared.core.secrets import read_insz_key
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.removal_check import RemovalLimit
from shared.deliveries.service import import_delivery
from synthetic.generate import generate_correction, generate_delivery
from synthetic.plan import DeliveryPlan

MAX_PRINTED_FAULTS = 20


def generate(
    schools: Annotated[int, typer.Option(min=1, help="Number of schools.")],
    out: Annotated[Path, typer.Option(help="A new or empty directory.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    administration: Annotated[str, typer.Option(help="Id of the administration.")] = "2024",
    items: Annotated[bool, typer.Option(help="Include the results per item.")] = True,
    small_classes: Annotated[
        bool,
        typer.Option(
            show_default=False, help="Add small schools, and small class groups next to large ones."
        ),
    ] = False,
    references: Annotated[
        bool,
        typer.Option(
            show_default=False, help="Include references for school feedback (format 1.1)."
        ),
    ] = False,
    correction: Annotated[
        int | None,
        typer.Option(min=2, help="Write a correction with this sequence number instead."),
    ] = None,
) -> None:
    """Write a realistic delivery of synthetic schools and students."""
    plan = DeliveryPlan(
        schools=schools,
        seed=seed,
        administration_id=administration,
        sequence=correction or 1,
        with_items=items,
        small_classes=small_classes,
        with_references=references,
    )
    if correction is not None:
        _print_rows(f"Wrote {out}", generate_correction(plan, out))
        return
    with progress_bar("Schools", schools) as advance_to:
        rows = generate_delivery(plan, out, advance_to)
    _print_rows(f"Wrote {out}", rows)


def import_path(
    path: Annotated[Path, typer.Argument(help="A delivery: a directory or a ZIP file.")],
    data: DataOption = DEFAULT_DATA,
    allow_removals: Annotated[
        int | None,
        typer.Option(min=0, help="Number of students that a full delivery can remove."),
    ] = None,
) -> None:
    """Import a delivery as a whole, or report every fault and change nothing."""
    print_start("import")
    settings = settings_for(data, "importer")
    insz_key = read_insz_key(settings.require_file("insz_key_file"))
    with sessions_of(settings) as sessions, UnitOfWork(sessions) as unit:
        outcome = import_delivery(
            unit.session,
            path,
            insz_key=insz_key,
            removals=RemovalLimit(settings.delivery_max_removed_share, allow_removals),
            received_from="cli",
        )
    if outcome.status == "refused":
        _print_faults(outcome.report)
        raise typer.Exit(1)
    _print_rows(f"Delivery {outcome.delivery_id}: {outcome.status}", outcome.report["rows"])
    _print_changes(outcome.report["changes"], outcome.sums)
    _print_warnings(outcome.report)


def _print_rows(title: str, rows: dict[str, int]) -> None:
    print(f"{title}.")
    print_table(("file", "rows"), [(name, f"{count:,}") for name, count in rows.items()])


def _print_faults(report: dict[str, Any]) -> None:
    print("The delivery is refused; nothing has changed.")
    _print_places(report["faults"])
    for kind, count in report["faultCounts"].items():
        print(f"  {kind}: {count}")


def _print_warnings(report: dict[str, Any]) -> None:
    for kind, count in report["warningCounts"].items():
        print(f"Warning {kind}: {count}")
    _print_places(report["warnings"])


def _print_places(faults: list[dict[str, Any]]) -> None:
    for fault in faults[:MAX_PRINTED_FAULTS]:
        place = ":".join(str(fault[key]) for key in ("file", "line", "column") if key in fault)
        value = f" ({fault['value']!r})" if "value" in fault else ""
        print(f"  {place}: {fault['detail']}{value} {fault['remedy']}")


def _print_changes(changes: dict[str, dict[str, int]], sums: dict[str, int]) -> None:
    kinds = ("added", "changed", "removed")
    rows = [
        (name, *(f"{counts[kind]:,}" if kind in counts else "" for kind in kinds))
        for name, counts in [*changes.items(), ("sum", sums)]
    ]
    print_table(("changes", *kinds), rows)
