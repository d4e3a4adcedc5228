"""The structure tree of a PDF, as a reader of it walks it."""

from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple

import pikepdf

Content = tuple[int, int]
"""Marked content: the number of the object of its page, and its MCID."""


class Spoken(NamedTuple):
    """What a screen reader says for one structure element, and the role that it announces."""

    role: str
    text: str


def kids_of(element: pikepdf.Object) -> Iterator[pikepdf.Object]:
    """Yield the structure elements and the marked content below an element, in order."""
    kids = element.K
    yield from kids if isinstance(kids, pikepdf.Array) else [kids]


def roles_of(element: pikepdf.Object) -> list[str]:
    """Return the role of an element, and of all below it."""
    below = [kid for kid in kids_of(element) if isinstance(kid, pikepdf.Dictionary)]
    return [str(element.S)[1:], *(role for kid in below for role in roles_of(kid))]


def read_aloud(data: bytes) -> list[Spoken]:
    """Return what the tag tree says, in its order; a figure is its alternate description."""
    with pikepdf.open(BytesIO(data)) as pdf:
        texts = {
            (page.obj.objgen[0], mcid): text
            for page in pdf.pages
            for mcid, text in _marked_texts(page)
        }
        return list(_spoken(pdf.Root.StructTreeRoot.K, texts))


def _spoken(element: pikepdf.Object, texts: dict[Content, str]) -> Iterator[Spoken]:
    role = str(element.S)[1:]
    if "/Alt" in element:
        yield Spoken(role, str(element.Alt))
        return
    own = [
        texts[element.Pg.objgen[0], int(str(kid))]
        for kid in kids_of(element)
        if not isinstance(kid, pikepdf.Dictionary)
    ]
    if own:
        yield Spoken(role, " ".join(" ".join(own).split()))
    for kid in kids_of(element):
        if isinstance(kid, pikepdf.Dictionary):
            yield from _spoken(kid, texts)


def _marked_texts(page: pikepdf.Page) -> Iterator[tuple[int, str]]:
    """Yield MCIDs with their text. In our fonts a code is a UTF-16 unit."""
    mcid, depth, actual = -1, 0, 0
    text = ""
    for instruction in pikepdf.parse_content_stream(page):
        operator, operands = str(instruction.operator), instruction.operands
        if operator in {"BDC", "BMC"}:
            properties = operands[1] if operator == "BDC" else pikepdf.Dictionary()
            depth += 1
            if "/MCID" in properties:
                mcid, text = int(properties.MCID), ""
            if "/ActualText" in properties:
                actual, text = depth, f"{text}{properties.ActualText} "
        elif operator == "EMC":
            if depth == 1 and mcid >= 0:
                yield mcid, text
                mcid = -1
            actual = 0 if actual == depth else actual
            depth -= 1
        elif operator == "Tj" and not actual:
            text += bytes(operands[0]).decode("utf-16-be")
        elif operator == "ET" and not actual:
            text += " "
