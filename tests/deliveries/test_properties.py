"""Any change to a delivery leaves it either applied as a whole or refused with a report."""

import csv
import io
import tempfile
import zipfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from shared.deliveries.copy_encoding import ItemRunEncoder, LineEncoder
from shared.deliveries.csv_header import parse_header
from shared.deliveries.csv_reader import CsvReader, PlainLines, Record
from shared.deliveries.delivery_format import (
    FILE_NAMES,
    ITEM_RESULTS,
    STUDENTS,
)
from shared.deliveries.delivery_source import HashingStream
from shared.deliveries.faults import Findings
from shared.deliveries.file_format import FORMAT_1_1
from shared.deliveries.insz import is_valid_insz
from shared.deliveries.text_checks import fold, is_blank
from tests.deliveries.delivery_files import (
    DeliveryFiles,
    correction,
    full,
    insz,
    run_import,
    table_contents,
)

ONE_DATABASE = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
MEANINGFUL = [
    "s1",
    "s9",
    "LEZ4",
    "LEZ2",
    "LO4",
    "000028",
    "007947",
    "4A",
    "reported",
    "absent",
    "withdrawn",
    "A",
    "C",
    "1",
    "0",
    "true",
    "1e9",
    "-1",
    "99999999999999",
    "\\",
    "\\.",
    "{",
    "NULL",
    '"',
]
VALUES = st.one_of(
    st.sampled_from(
        ["", " ", *MEANINGFUL, "\0", "\n", "\t", "'; drop table results; --", insz("850101001")]
    ),
    st.text(max_size=20),
)


@st.composite
def cell_changes(draw: st.DrawFn) -> DeliveryFiles:
    """Draw a full delivery or a correction with some values, rows or columns changed."""
    delivery = full(2)
    if draw(st.booleans()):
        delivery = correction(2)
        delivery.rows = {
            name: rows[:1] + draw(st.lists(st.sampled_from(rows[1:]).map(list), max_size=3))
            for name, rows in full().rows.items()
            if draw(st.booleans())
        }
    for _ in range(draw(st.integers(0, 4)) if delivery.rows else 0):
        rows = delivery.rows[draw(st.sampled_from(sorted(delivery.rows)))]
        row = rows[draw(st.integers(0, len(rows) - 1))]
        match draw(st.sampled_from(["value", "value", "value", "row", "remove", "shorten"])):
            case "value" if row:
                row[draw(st.integers(0, len(row) - 1))] = draw(VALUES)
            case "row":
                rows.append(list(row))
            case "remove" if len(rows) > 1:
                rows.pop()
            case _ if row:
                row.pop()
    return delivery


def encodable_contents(delivery: DeliveryFiles) -> dict[str, bytes] | None:
    """Return the files, or None if a lone surrogate cannot be encoded as UTF-8."""
    try:
        return delivery.contents()
    except UnicodeEncodeError:
        return None


@ONE_DATABASE
@given(delivery=cell_changes())
def test_changed_values_are_applied_or_refused(session: Session, delivery: DeliveryFiles) -> None:
    if encodable_contents(delivery) is None:
        return
    with session.begin_nested() as attempt, tempfile.TemporaryDirectory() as directory:
        assert run_import(session, full().write(Path(directory) / "first")).status == "applied"
        before = table_contents(session)
        outcome = run_import(session, delivery.write(Path(directory) / "second"))
        assert outcome.status in {"applied", "refused"}
        assert (outcome.status == "refused") == bool(outcome.report["faults"])
        if outcome.status == "refused":
            assert table_contents(session) == before
            assert all(
                fault.get("file") in FILE_NAMES or fault["kind"] == "contradictsStored"
                for fault in outcome.report["faults"]
            )
        attempt.rollback()


@ONE_DATABASE
@given(
    cuts=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=3), st.integers(0, 40)), max_size=3)
)
def test_changed_bytes_of_an_archive_are_applied_or_refused(
    session: Session, cuts: list[tuple[float, bytes, int]]
) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in full().contents().items():
            archive.writestr(name, data)
    data = out.getvalue()
    for position, new, length in cuts:
        at = int(position * len(data))
        data = data[:at] + new + data[at + length :]
    with session.begin_nested() as attempt, tempfile.TemporaryDirectory() as directory:
        before = table_contents(session)
        path = Path(directory) / "delivery.zip"
        path.write_bytes(data)
        outcome = run_import(session, path)
        assert outcome.status in {"applied", "refused"}
        if outcome.status == "refused":
            assert outcome.report["faults"]
            assert table_contents(session) == before
        attempt.rollback()


@ONE_DATABASE
@given(data=st.binary(max_size=300), name=st.sampled_from(FILE_NAMES))
def test_random_bytes_as_a_file_are_refused(session: Session, data: bytes, name: str) -> None:
    delivery = full()
    delivery.raw[name] = data
    with session.begin_nested() as attempt, tempfile.TemporaryDirectory() as directory:
        before = table_contents(session)
        outcome = run_import(session, delivery.write(Path(directory)))
        assert outcome.status == "refused"
        assert table_contents(session) == before
        attempt.rollback()


HEADER = ["student", "component", "item", "correct"]
PRINTABLE = st.text(
    st.characters(blacklist_categories=["Cc", "Cs"], blacklist_characters="\ufffd\ufffe\uffff"),
    max_size=12,
)


@given(
    rows=st.lists(st.lists(PRINTABLE, min_size=4, max_size=4), max_size=30),
    delimiter=st.sampled_from([",", ";"]),
    end=st.sampled_from(["\r\n", "\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_reader_reads_the_output_of_the_standard_writer(
    rows: list[list[str]], delimiter: str, end: str, quoting: int
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]  # the stub wants a literal
    writer.writerows([HEADER, *rows])

    findings = Findings()
    stream = HashingStream("item_results.csv", io.BytesIO(out.getvalue().encode()), 2**30)
    reader = CsvReader(stream, ITEM_RESULTS, FORMAT_1_1, findings)

    read: list[tuple[int, list[str]]] = []
    for part in reader:
        if isinstance(part, PlainLines):
            lines = enumerate(part.lines, part.first_line)
            read += [(line, text.split(delimiter)) for line, text in lines]
        else:
            read.append((part.line, part.fields))
    assert not findings.faults
    staged = [["" if is_blank(value) else fold(value) for value in row] for row in rows]
    assert read == list(enumerate(staged, 2))
    assert reader.rows == len(rows)


@given(
    fields=st.lists(
        st.text(st.characters(blacklist_categories=["Cs"])),
        min_size=len(STUDENTS.columns),
        max_size=len(STUDENTS.columns),
    ),
    delimiter=st.sampled_from([",", ";"]),
)
def test_encoded_row_decodes_to_the_same_values(fields: list[str], delimiter: str) -> None:
    fields = [field.replace("\0", "") for field in fields]
    names = delimiter.join(column.name for column in STUDENTS.columns)
    findings = Findings()
    header = parse_header(names, STUDENTS, FORMAT_1_1, findings.faults)
    assert header is not None
    encoded = LineEncoder(header).encode(Record(2, fields))

    assert _unescape(encoded.removesuffix("\n"), delimiter) == ["2", *fields]


def _unescape(line: str, delimiter: str) -> list[str]:
    """Decode a row according to the documentation of COPY's text format."""
    fields, field = [], ""
    characters = iter(line)
    for character in characters:
        if character == "\\":
            escaped = next(characters)
            field += {"n": "\n", "r": "\r", "t": "\t"}.get(escaped, escaped)
        elif character == delimiter:
            fields.append(field)
            field = ""
        else:
            field += character
    return [*fields, field]


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["s1", "s2"]),
            st.sampled_from(["a", "b"]),
            st.sampled_from(["1", "2", "3"]),
            st.sampled_from(["0", "1"]),
        ),
        max_size=25,
    )
)
def test_item_run_encoder_loses_no_row(rows: list[tuple[str, str, str, str]]) -> None:
    header = parse_header(",".join(HEADER), ITEM_RESULTS, FORMAT_1_1, Findings().faults)
    assert header is not None
    encoder = ItemRunEncoder(header)
    lines = PlainLines(2, [",".join(row) for row in rows])

    encoded = encoder.encode(lines) + encoder.finish()

    found = []
    for run in encoded.splitlines():
        line, student, component, items, correct = run.split("\t")
        pairs = zip(_elements(items), _elements(correct), strict=True)
        found += [
            (int(line) + offset, (student, component, *pair)) for offset, pair in enumerate(pairs)
        ]
    assert found == list(enumerate(rows, 2))


def _elements(array: str) -> list[str]:
    return array.removeprefix('{"').removesuffix('"}').split('","')


@given(nine=st.integers(0, 999_999_999), wrong=st.integers(1, 96))
def test_insz_check_digits_are_valid_for_both_centuries(nine: int, wrong: int) -> None:
    digits = f"{nine:09d}"
    checks = {97 - nine % 97, 97 - (2_000_000_000 + nine) % 97}

    assert all(is_valid_insz(f"{digits}{check:02d}") for check in checks)
    other = (97 - nine % 97 + wrong) % 100
    assert is_valid_insz(f"{digits}{other:02d}") == (other in checks)


@given(text=st.text())
def test_only_eleven_digits_can_be_an_insz(text: str) -> None:
    if is_valid_insz(text):
        assert len(text) == 11
        assert set(text) <= set("0123456789")
