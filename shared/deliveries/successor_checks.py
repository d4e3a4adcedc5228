"""Checks of the predecessors of schools: none of itself, no chain, and no circle."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import psycopg
from psycopg.rows import class_row

from shared.deliveries.delivery_format import SCHOOLS
from shared.deliveries.faults import Fault, Findings

_SUCCESSORS: Final = """
    select line, school, array_remove(successor_of, null) as predecessors from effective_schools
    where successor_of is not null order by line
"""
_ONCE: Final = "Give the number of each school that this one succeeds once, or no number."


class _Successor(NamedTuple):
    """A school with predecessors; `line` 0 is for a school that the delivery does not contain."""

    line: int
    school: str
    predecessors: list[str]


def check_successors(connection: psycopg.Connection[Any], findings: Findings) -> None:
    """Add a fault for each school of the delivery with an impossible predecessor."""
    if SCHOOLS.name in findings.incomplete:
        return
    cursor = connection.cursor(row_factory=class_row(_Successor))
    successors = cursor.execute(_SUCCESSORS).fetchall()
    predecessors = {one.school: one.predecessors for one in successors}
    on_circle = _on_circles(predecessors)
    for one in successors:
        if one.line:
            for fault in _faults(one, predecessors, on_circle):
                findings.faults.add(fault)


def _faults(
    successor: _Successor, predecessors: Mapping[str, Sequence[str]], on_circle: set[str]
) -> Iterator[Fault]:
    own = successor.predecessors
    if successor.school in own:
        yield _fault("successorOfItself", "The school is its own predecessor.", _ONCE, successor)
    elif len(set(own)) < len(own):
        yield _fault("duplicatePredecessor", "A predecessor is there twice.", _ONCE, successor)
    elif successor.school in on_circle:
        detail = "The school is among the predecessors of its predecessors."
        remedy = "Remove the number that does not belong there from one of these schools."
        yield _fault("successorCircle", detail, remedy, successor)
    elif any(other in predecessors and other not in on_circle for other in own):
        detail = "A predecessor has predecessors itself, so that both changes are in one delivery."
        remedy = "Give the schools of before both changes, separated by |."
        yield _fault("successorChain", detail, remedy, successor)


def _fault(kind: str, detail: str, remedy: str, successor: _Successor) -> Fault:
    value = "|".join(successor.predecessors)
    return Fault(kind, detail, remedy, SCHOOLS.name, successor.line, "successor_of", value)


def _on_circles(predecessors: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the schools on a circle, and those on a way from one circle to another."""
    reversed_ones: dict[str, list[str]] = {}
    for school, own in predecessors.items():
        for other in own:
            reversed_ones.setdefault(other, []).append(school)
    return _endless(predecessors) & _endless(reversed_ones)


def _endless(neighbours: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the schools from which some way along the neighbours never ends."""
    before: dict[str, list[str]] = {}
    for school, others in neighbours.items():
        for other in others:
            before.setdefault(other, []).append(school)
    left = {school: len(others) for school, others in neighbours.items()}
    ended = [school for school in before if school not in left]
    while ended:
        for school in before.get(ended.pop(), ()):
            left[school] -= 1
            if not left[school]:
                ended.append(school)
    return {school for school, count in left.items() if count}
