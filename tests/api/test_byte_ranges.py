import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.http.byte_ranges import (
    ByteRange,
    UnsatisfiableRangeError,
    matches_entity_tag,
    parse_single_range,
)

SIZE = 100


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", ByteRange(0, 1)),
        ("bytes=10-19", ByteRange(10, 20)),
        ("BYTES = 10-19 ", ByteRange(10, 20)),
        ("bytes=10-", ByteRange(10, SIZE)),
        ("bytes=10-999", ByteRange(10, SIZE)),
        ("bytes=-1", ByteRange(99, SIZE)),
        ("bytes=-999", ByteRange(0, SIZE)),
    ],
)
def test_single_range_is_cut_at_the_end_of_the_content(header: str, expected: ByteRange) -> None:
    assert parse_single_range(header, SIZE) == expected


@pytest.mark.parametrize(
    "header", ["", "bytes=", "bytes=-", "bytes=5-3", "items=0-1", "bytes=0-1,3-4", "bytes=a-b"]
)
def test_several_or_invalid_ranges_are_ignored(header: str) -> None:
    assert parse_single_range(header, SIZE) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_range_without_bytes_is_unsatisfiable(header: str) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        parse_single_range(header, SIZE)


@given(first=st.none() | st.integers(0, 300), last=st.none() | st.integers(0, 300))
def test_range_is_within_the_content(first: int | None, last: int | None) -> None:
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    try:
        found = parse_single_range(header, SIZE)
    except UnsatisfiableRangeError:
        return
    assert found is None or 0 <= found.start < found.end <= SIZE


@pytest.mark.parametrize(
    ("header", "expected"),
    [('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ('"b"', False), ("a", False)],
)
def test_entity_tags_are_compared_weakly(header: str, *, expected: bool) -> None:
    assert matches_entity_tag(header, '"a"') is expected
