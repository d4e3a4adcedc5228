"""The JSON of figures, as snapshots store it."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from shared.school_feedback.figures import (
    ComponentFigures,
    FigureLevel,
    FigureRow,
    MeanScore,
    NotTested,
    Reference,
    ReferenceKind,
    ReferenceName,
    RowKind,
)

_OF_VERSION = ("version", "reason", "computed_at")
"""The values of a snapshot that are columns, and no part of its figures."""

_NAMES = {
    kind: [field.name for field in fields(kind)]
    for kind in (FigureLevel, FigureRow, MeanScore, NotTested, Reference)
}


def figures_to_json(figures: ComponentFigures) -> dict[str, Any]:
    """Return the figures without version, reason and moment; the same figures are equal JSON."""
    names = (field.name for field in fields(figures) if field.name not in _OF_VERSION)
    return {name: _plain(getattr(figures, name)) for name in names}


def figures_from_json(
    stored: dict[str, Any], version: int, reason: str, computed_at: datetime
) -> ComponentFigures:
    """Return the figures of a snapshot."""
    return ComponentFigures(
        **stored
        | {
            "levels": tuple(FigureLevel(**level) for level in stored["levels"]),
            "rows": tuple(map(_row, stored["rows"])),
            "mean": _mean(stored["mean"]),
            "not_tested": stored["not_tested"] and NotTested(**stored["not_tested"]),
            "references": tuple(map(_reference, stored["references"])),
        },
        version=version,
        reason=reason,
        computed_at=computed_at,
    )


def _row(stored: dict[str, Any]) -> FigureRow:
    return FigureRow(
        **stored | {"kind": RowKind(stored["kind"]), "counts": _tuple(stored["counts"])}
    )


def _reference(stored: dict[str, Any]) -> Reference:
    return Reference(
        **stored
        | {
            "name": ReferenceName(stored["name"]),
            "kind": ReferenceKind(stored["kind"]),
            "shares": _tuple(stored["shares"]),
            "mean": _mean(stored["mean"]),
        }
    )


def _mean(stored: dict[str, Any] | None) -> MeanScore | None:
    return None if stored is None else MeanScore(**stored)


def _tuple(values: list[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)


def _plain(value: Any) -> Any:
    """Return a value with dicts and lists in place of dataclasses and tuples, as JSON has them."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    names = _NAMES.get(type(value))
    return value if names is None else {name: _plain(getattr(value, name)) for name in names}
