"""Check that a delivery changes the meaning of no release window."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import psycopg
from psycopg.rows import class_row
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.deliveries.delivery_format import (
    COMPONENTS,
    TARGET_GROUPS,
)
from shared.deliveries.faults import Fault, Findings, quotable
from shared.deliveries.file_format import FileFormat
from shared.deliveries.manifest import Manifest
from shared.releases.models import ReleaseWindow
from shared.releases.repository import (
    lock_windows,
    windows_of_administration,
)
from shared.releases.rules import ComponentFacts, Window, deciding_windows
from shared.releases.service import facts_of

_NEW_TARGET_GROUP: Final = 0
"""Stands for a target group that the delivery adds, which no window can name."""

# A removed component keeps its row: when it is added again, it is the same component.
_CHANGED: Final = """
    select c.id, c.code, s.line, c.target_group_id, c.is_calibration,
           coalesce(t.id, %(new_target_group)s) as new_target_group_id,
           s.calibration = 'true' as new_is_calibration, c.removed_at is not null as is_added_again
    from components c
    join staged_components s on s.component = c.code
    left join target_groups t
      on t.administration_id = c.administration_id and t.code = s.target_group
    where c.administration_id = %(administration)s
      and (c.removed_at is not null or row(c.target_group_id, c.is_calibration)
           is distinct from row(t.id, s.calibration = 'true'))
"""
_REMOVED: Final = """
    select c.id, c.code from {table} c
    where c.administration_id = %(administration)s and c.removed_at is null
      and not exists (select from {file.table} s where s.{file.key[0]} = c.code)
    order by c.code
"""


class ChangedComponent(NamedTuple):
    """A component that the delivery adds again, or whose target group or calibration changes."""

    id: int
    code: str
    line: int
    target_group_id: int
    is_calibration: bool
    new_target_group_id: int
    new_is_calibration: bool
    is_added_again: bool

    @property
    def before(self) -> ComponentFacts:
        return ComponentFacts(self.target_group_id, self.id, self.is_calibration)

    @property
    def after(self) -> ComponentFacts:
        return ComponentFacts(self.new_target_group_id, self.id, self.new_is_calibration)


class _Removed(NamedTuple):
    id: int
    code: str


def check_release_windows(
    session: Session,
    connection: psycopg.Connection[Any],
    manifest: Manifest,
    findings: Findings,
) -> Sequence[ChangedComponent]:
    """Add a fault for each window that would decide about other components than before.

    The windows stay locked until the transaction ends, but only if the delivery changes the
    catalogue in such a way: planning a window hardly ever waits for an import. A recall does not
    wait: `recall_checks` looks at those that began meanwhile, for the components returned.
    """
    if findings.incomplete & {COMPONENTS.name, TARGET_GROUPS.name}:
        return ()
    parameters = {
        "administration": manifest.administration_id,
        "new_target_group": _NEW_TARGET_GROUP,
    }
    changed = connection.cursor(row_factory=class_row(ChangedComponent)).execute(
        _CHANGED, parameters
    )
    components = changed.fetchall()
    removed = {
        file: _removed(connection, table, file, parameters) if manifest.mode == "full" else []
        for table, file in (("components", COMPONENTS), ("target_groups", TARGET_GROUPS))
    }
    if not components and not any(removed.values()):
        return ()
    lock_windows(session)
    windows = windows_of_administration(session, manifest.administration_id)
    for fault in (*_removal_faults(removed, windows), *_change_faults(components, windows)):
        findings.faults.add(fault)
    return components


def _removed(
    connection: psycopg.Connection[Any], table: str, file: FileFormat, parameters: dict[str, Any]
) -> list[_Removed]:
    query = _REMOVED.format(table=table, file=file)
    cursor = connection.cursor(row_factory=class_row(_Removed))
    return cursor.execute(query, parameters).fetchall()


def _removal_faults(
    removed: Mapping[FileFormat, Sequence[_Removed]], windows: Sequence[ReleaseWindow]
) -> Iterator[Fault]:
    for file, rows in removed.items():
        column = file.key[0]
        for row in rows:
            for window in windows:
                if row.id == getattr(window, f"{column}_id"):
                    yield Fault(
                        "changesReleaseWindow",
                        f"The delivery removes the {column.replace('_', ' ')} of "
                        f"{_named([window])} ({window.product}).",
                        f"Add the row to {file.name}, or remove that release window first.",
                        file.name,
                        column=column,
                        value=quotable(row.code),
                    )


def _change_faults(
    components: Sequence[ChangedComponent], windows: Sequence[ReleaseWindow]
) -> Iterator[Fault]:
    for component in components:
        is_moved = component.target_group_id != component.new_target_group_id
        for product in Product:
            facts = {facts_of(one): one for one in windows if one.product == product}
            before = deciding_windows(facts, component.before, product)
            after = deciding_windows(facts, component.after, product)
            if before != after and not _is_planned(component, after):
                yield Fault(
                    "changesReleaseWindow",
                    f"After the delivery {_named([facts[one] for one in after])} would decide "
                    f"about the component in {product}, instead of "
                    f"{_named([facts[one] for one in before])}.",
                    f"Plan a release window of {product} for component {component.code} first, or "
                    "submit the component as it is stored.",
                    COMPONENTS.name,
                    component.line,
                    "target_group" if is_moved else "calibration",
                    quotable(component.code),
                )


def _is_planned(component: ChangedComponent, deciding: Sequence[Window]) -> bool:
    """Return True if the component has windows of its own, or is closed as a calibration."""
    if not deciding:
        return component.new_is_calibration
    return all(window.component_id is not None for window in deciding)


def _named(windows: Sequence[ReleaseWindow]) -> str:
    return " and ".join(f"release window {one.id}" for one in windows) or "no release window"
