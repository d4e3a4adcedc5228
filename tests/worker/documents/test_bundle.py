"""Bundles are plain ZIPs whose members are byte ranges, and can be joined."""

from hashlib import sha256
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile
from zlib import crc32

from services.worker.documents.bundle import (
    BundleEntries,
    JoinedBundle,
    central_directory,
    read_bundle,
)

MEMBERS = {
    "4B/Jacobs Žofie.pdf": b"%PDF-1 one",
    "4B/Maes Noor.pdf": b"%PDF-2 two" * 1000,
    "4B/Вовк Тетяна.pdf": b"",
}
OTHERS = {"4C/Jacobs Žofie.pdf": b"%PDF-3 three", "4C/Aerts Jan.pdf": b"%PDF-4 four"}


def entries(members: dict[str, bytes]) -> BundleEntries:
    made = BundleEntries()
    for name, data in members.items():
        made.add(name, data, crc32(data))
    return made


def joined(*parts: BundleEntries) -> tuple[bytes, bytes]:
    """Return the bytes of the joined bundle, and the SHA-256 that it reports."""
    bundle = JoinedBundle()
    for part in parts:
        bundle.add(part)
    end, digest = bundle.end()
    return b"".join([*(piece for part in parts for piece in part.pieces), end]), digest


def test_members_are_stored_and_are_byte_ranges() -> None:
    made = BundleEntries()
    offsets = [made.add(name, data, crc32(data)) for name, data in MEMBERS.items()]
    bundle = joined(made)[0]
    for offset, data in zip(offsets, MEMBERS.values(), strict=True):
        assert bundle[offset : offset + len(data)] == data


def test_the_reported_hash_is_that_of_the_bundle_and_more_entries_can_follow() -> None:
    first, second = entries(MEMBERS), entries(OTHERS)
    bundle = JoinedBundle()
    data = b""
    for part in (first, second):
        bundle.add(part)
        data += b"".join(part.pieces)
        end = bundle.end()
        assert end.sha256 == sha256(data + end.data).digest()


def test_zipfile_reads_a_bundle_and_finds_no_error() -> None:
    with ZipFile(BytesIO(joined(entries(MEMBERS))[0])) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == MEMBERS
        assert {info.compress_type for info in archive.infolist()} == {ZIP_STORED}
        assert not any(info.flag_bits & 0x08 for info in archive.infolist())
        assert [bool(info.flag_bits & 0x800) for info in archive.infolist()] == [True, False, True]


def test_an_empty_bundle_is_a_zip() -> None:
    assert ZipFile(BytesIO(joined(BundleEntries())[0])).namelist() == []


def test_the_same_members_give_the_same_bytes() -> None:
    assert joined(entries(MEMBERS)) == joined(entries(MEMBERS))
    assert joined(entries(MEMBERS)) != joined(entries(dict(reversed(MEMBERS.items()))))


def test_a_joined_bundle_has_the_members_of_all_bundles() -> None:
    whole, digest = joined(entries(MEMBERS), entries(OTHERS))
    with ZipFile(BytesIO(whole)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == MEMBERS | OTHERS
    assert digest == sha256(whole).digest()


def test_a_bundle_that_was_read_joins_like_a_new_one() -> None:
    made = entries(MEMBERS), entries(OTHERS)
    read = [read_bundle(joined(part)[0]) for part in made]
    assert joined(*read) == joined(*made)
    assert [part.size for part in read] == [part.size for part in made]


def test_a_bundle_goes_on_from_entries_that_were_hashed_before() -> None:
    first, second = entries(MEMBERS), entries(OTHERS)
    begun = JoinedBundle()
    begun.add(first)
    whole, digest = joined(first, second)
    for _ in range(2):  # the first one leaves no trace in the second
        bundle = begun.copy()
        bundle.add(second)
        end = bundle.end()
        assert (b"".join([*first.pieces, *second.pieces, end.data]), end.sha256) == (whole, digest)
    assert len(begun.members) == len(MEMBERS)


def test_the_last_entries_of_a_bundle_are_read_without_its_first_bytes() -> None:
    first, second = entries(MEMBERS), entries(OTHERS)
    whole, _ = joined(first, second)
    read = read_bundle(whole[first.size :], first.size)
    assert [member.filename for member in read.members] == list(OTHERS)
    assert joined(first, read) == (whole, sha256(whole).digest())
    assert joined(read) == joined(second)


def test_a_bundle_with_more_than_65535_members_is_in_zip64_format() -> None:
    made = entries({f"{number}.pdf": b"" for number in range(65_536)})
    with ZipFile(BytesIO(joined(made)[0])) as archive:
        assert len(archive.infolist()) == 65_536
        assert archive.read("65535.pdf") == b""


def test_members_beyond_four_gibibytes_are_readable(tmp_path: Path) -> None:
    """In a sparse file, which takes no space on disk."""
    member, start = entries({"4B/Maes Noor.pdf": b"%PDF"}), (4 << 30) + 1
    member.members[0].header_offset = start
    with (tmp_path / "bundle.zip").open("wb") as file:
        file.seek(start)
        file.write(b"".join(member.pieces))
        file.write(central_directory(member.members, start + member.size))
    with ZipFile(tmp_path / "bundle.zip") as archive:
        assert archive.read("4B/Maes Noor.pdf") == b"%PDF"
