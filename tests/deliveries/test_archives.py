"""Invalid and malicious directories and ZIP files are refused, and nothing changes."""

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from shared.deliveries.delivery_source import SourceLimits
from tests.deliveries.delivery_files import full, places, run_import, table_contents

Place = tuple[str, str | None, int | None, str | None]
SMALL = SourceLimits(max_bytes=100_000, max_entries=20, ratio_from_bytes=5_000, max_ratio=50)


def archive_with(*entries: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    """Return a ZIP file of the small delivery with the entries replaced or added."""
    names = {entry if isinstance(entry, str) else entry.filename for entry, _ in entries}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in full().contents().items():
            if name not in names:
                archive.writestr(name, data)
        for entry, data in entries:
            archive.writestr(entry, data)
    return out.getvalue()


def entry(name: str, *, mode: int = 0, method: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.compress_type = method
    return info


def encrypted(data: bytes) -> bytes:
    """Set the encryption flag in both headers of the last entry."""
    changed = bytearray(data)
    changed[data.rindex(b"PK\x01\x02") + 8] |= 1
    changed[data.rindex(b"PK\x03\x04") + 6] |= 1
    return bytes(changed)


def damaged(data: bytes) -> bytes:
    """Overwrite compressed bytes of the last entry."""
    start = data.rindex(b"PK\x03\x04") + 60
    return data[:start] + b"\xff" * 20 + data[start + 20 :]


def with_duplicate_entry() -> bytes:
    data = archive_with((entry("levels.cs_"), full().contents()["levels.csv"]))
    return data.replace(b"levels.cs_", b"levels.csv")


BOMB = b"0" * 50_000
RESULTS = full().contents()["results.csv"]

ARCHIVES: dict[str, tuple[Callable[[], bytes], Place]] = {
    "empty": (lambda: b"", ("zipBroken", None, None, None)),
    "not a ZIP file": (lambda: b"student,school\n" * 100, ("zipBroken", None, None, None)),
    "truncated at the end": (lambda: archive_with()[:-30], ("zipBroken", None, None, None)),
    "truncated in the middle": (lambda: archive_with()[:2000], ("zipBroken", None, None, None)),
    "truncated at the start": (
        lambda: archive_with()[2000:],
        ("fileDamaged", "delivery.json", None, None),
    ),
    "damaged entry": (
        lambda: damaged(archive_with((entry("results.csv"), RESULTS * 30))),
        ("fileDamaged", "results.csv", None, None),
    ),
    "path to a parent directory": (
        lambda: archive_with(("../../etc/passwd", b"x")),
        ("pathTraversal", None, None, None),
    ),
    "absolute path": (
        lambda: archive_with(("/results.csv", b"x")),
        ("pathTraversal", None, None, None),
    ),
    "path with backslashes": (
        lambda: archive_with(("..\\results.csv", b"x")),
        ("pathTraversal", None, None, None),
    ),
    "path with a drive": (
        lambda: archive_with(("C:results.csv", b"x")),
        ("pathTraversal", None, None, None),
    ),
    "folder": (lambda: archive_with(("delivery/", b"")), ("unknownFile", None, None, None)),
    "file in a folder": (
        lambda: archive_with(("delivery/results.csv", b"x")),
        ("unknownFile", None, None, None),
    ),
    "file that is not in the format": (
        lambda: archive_with(("grades.csv", b"x")),
        ("unknownFile", None, None, None),
    ),
    "symbolic link": (
        lambda: archive_with((entry("results.csv", mode=stat.S_IFLNK | 0o777), b"/etc/passwd")),
        ("symlink", "results.csv", None, None),
    ),
    "device": (
        lambda: archive_with((entry("results.csv", mode=stat.S_IFCHR | 0o666), b"")),
        ("notAFile", "results.csv", None, None),
    ),
    "duplicate entry": (with_duplicate_entry, ("duplicateFile", "levels.csv", None, None)),
    "encrypted entry": (
        lambda: encrypted(archive_with(("results.csv", RESULTS))),
        ("zipEncrypted", "results.csv", None, None),
    ),
    "unsupported compression method": (
        lambda: archive_with((entry("results.csv", method=zipfile.ZIP_LZMA), RESULTS)),
        ("zipMethod", "results.csv", None, None),
    ),
    "bomb of one entry": (
        lambda: archive_with(("results.csv", BOMB)),
        ("zipBomb", "results.csv", None, None),
    ),
    "bomb of many bytes": (
        lambda: archive_with(
            ("results.csv", os.urandom(60_000)), ("levels.csv", os.urandom(60_000))
        ),
        ("deliveryTooLarge", None, None, None),
    ),
    "bomb of many entries": (
        lambda: archive_with(*((f"{number}.csv", b"") for number in range(20))),
        ("tooManyFiles", None, None, None),
    ),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_invalid_archive_is_refused(session: Session, tmp_path: Path, name: str) -> None:
    build, place = ARCHIVES[name]
    path = tmp_path / "delivery.zip"
    path.write_bytes(build())
    before = table_contents(session)

    outcome = run_import(session, path, SMALL)

    assert outcome.status == "refused"
    assert place in places(outcome)
    assert table_contents(session) == before


def test_declared_size_of_an_entry_is_not_trusted(session: Session, tmp_path: Path) -> None:
    """The entry declares fewer bytes than it contains; the rest is never decompressed."""
    data = bytearray(archive_with((entry("results.csv"), BOMB)))
    for header, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = data.rindex(header) + offset
        data[at : at + 4] = (100).to_bytes(4, "little")
    path = tmp_path / "delivery.zip"
    path.write_bytes(data)

    outcome = run_import(session, path)

    assert ("fileDamaged", "results.csv", None, None) in places(outcome)


def test_declared_size_of_the_central_directory_is_not_trusted(
    session: Session, tmp_path: Path
) -> None:
    data = bytearray(b"\0" * 3_000_000 + archive_with())
    end = data.rindex(b"PK\x05\x06")
    data[end + 12 : end + 16] = (2_500_000).to_bytes(4, "little")
    path = tmp_path / "delivery.zip"
    path.write_bytes(data)

    assert places(run_import(session, path)) == [("zipBroken", None, None, None)]


@pytest.mark.parametrize("cut", range(0, 101, 4))
def test_truncated_archive_is_refused(session: Session, tmp_path: Path, cut: int) -> None:
    data = archive_with()
    path = tmp_path / "delivery.zip"
    path.write_bytes(data[: (len(data) - 1) * cut // 100])

    assert run_import(session, path).status == "refused"


def test_stored_and_deflated_entries_are_both_read(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "delivery.zip"
    path.write_bytes(archive_with((entry("results.csv", method=zipfile.ZIP_STORED), RESULTS)))

    assert run_import(session, path).status == "applied"


def test_symbolic_link_in_a_directory_is_refused(session: Session, tmp_path: Path) -> None:
    path = full().write(tmp_path / "delivery")
    (path / "results.csv").rename(tmp_path / "elsewhere.csv")
    (path / "results.csv").symlink_to(tmp_path / "elsewhere.csv")

    outcome = run_import(session, path)

    assert places(outcome) == [("symlink", "results.csv", None, None)]


def test_named_pipe_in_a_directory_is_refused_without_blocking(
    session: Session, tmp_path: Path
) -> None:
    path = full().write(tmp_path / "delivery")
    (path / "item_results.csv").unlink()
    os.mkfifo(path / "item_results.csv")

    outcome = run_import(session, path)

    assert places(outcome) == [("notAFile", "item_results.csv", None, None)]


def test_unknown_file_in_a_directory_is_refused(session: Session, tmp_path: Path) -> None:
    path = full().write(tmp_path / "delivery")
    (path / "notes.txt").write_text("unknown")

    outcome = run_import(session, path)

    assert places(outcome) == [("unknownFile", None, None, None)]
    assert outcome.report["faults"][0]["value"] == "notes.txt"


def test_directory_above_the_limits_is_refused(session: Session, tmp_path: Path) -> None:
    path = full().write(tmp_path / "delivery")

    assert places(run_import(session, path, SourceLimits(max_bytes=1000))) == [
        ("deliveryTooLarge", None, None, None)
    ]
    assert places(run_import(session, path, SourceLimits(max_entries=5))) == [
        ("tooManyFiles", None, None, None)
    ]


def test_missing_path_is_refused(session: Session, tmp_path: Path) -> None:
    outcome = run_import(session, tmp_path / "nothing")

    assert places(outcome) == [("sourceUnreadable", None, None, None)]


def test_random_bytes_are_refused(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "delivery.zip"
    path.write_bytes(zlib.compress(os.urandom(5000)))

    assert places(run_import(session, path)) == [("zipBroken", None, None, None)]
