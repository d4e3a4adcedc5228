"""The outline of a document: its bookmarks, on two levels (ISO 32000-1, 12.3.3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.worker.pdf.objects import text_string


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A bookmark of a page and its structure element, which are object numbers.

    A nested one belongs to the last one before it that is not.
    """

    title: str
    page: int
    element: int
    is_nested: bool


def outline_objects(bookmarks: Sequence[Bookmark], outline: int, first: int) -> dict[int, bytes]:
    """Return the outline, and its bookmarks numbered from `first`, of which there is at least one.

    Nested bookmarks are visible from the start if they belong to a single one.
    """
    children: dict[int, list[int]] = {outline: []}
    last = outline
    for number, bookmark in enumerate(bookmarks, start=first):
        if not bookmark.is_nested:
            last = number
        children.setdefault(last if bookmark.is_nested else outline, []).append(number)
    top = children[outline]
    is_open = len(top) == 1
    visible = len(bookmarks) if is_open else len(top)
    bodies = {outline: b"<</Type/Outlines%b>>" % _children_entries(top, visible)}
    for parent, numbers in children.items():
        for index, number in enumerate(numbers):
            entries = b"/Prev %d 0 R" % numbers[index - 1] if index else b""
            if number != numbers[-1]:
                entries += b"/Next %d 0 R" % numbers[index + 1]
            if nested := children.get(number):
                entries += _children_entries(nested, len(nested) if is_open else -len(nested))
            bookmark = bookmarks[number - first]
            bodies[number] = b"<</Title%b/Parent %d 0 R/Dest[%d 0 R/Fit]/SE %d 0 R%b>>" % (
                text_string(bookmark.title),
                parent,
                bookmark.page,
                bookmark.element,
                entries,
            )
    return bodies


def _children_entries(numbers: Sequence[int], count: int) -> bytes:
    return b"/First %d 0 R/Last %d 0 R/Count %d" % (numbers[0], numbers[-1], count)
