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
    end, digest = bundle.finish()
    return b"".join([*(piece for part in parts for piece in part.pieces), end]), digest


def test_members_are_stored_and_are_byte_ranges() -> None:
    made = BundleEntries()
    offsets = [made.add(name, data, crc32(data)) for name, data in MEMBERS.items()]
    bundle = made.to_bytes()
    for offset, data in zip(offsets, MEMBERS.values(), strict=True):
        assert bundle[offset : offset + len(data)] == data


def test_zipfile_reads_a_bundle_and_finds_no_error() -> None:
    with ZipFile(BytesIO(entries(MEMBERS).to_bytes())) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == MEMBERS
        assert {info.compress_type for info in archive.infolist()} == {ZIP_STORED}
        assert not any(info.flag_bits & 0x08 for info in archive.infolist())
        assert [bool(info.flag_bits & 0x800) for info in archive.infolist()] == [True, False, True]


def test_an_empty_bundle_is_a_zip() -> None:
    assert ZipFile(BytesIO(BundleEntries().to_bytes())).namelist() == []


def test_the_same_members_give_the_same_bytes() -> None:
    assert entries(MEMBERS).to_bytes() == entries(MEMBERS).to_bytes()
    assert entries(MEMBERS).to_bytes() != entries(dict(reversed(MEMBERS.items()))).to_bytes()


def test_a_joined_bundle_has_the_members_of_all_bundles() -> None:
    whole, digest = joined(entries(MEMBERS), entries(OTHERS))
    with ZipFile(BytesIO(whole)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == MEMBERS | OTHERS
    assert digest == sha256(whole).digest()


def test_a_bundle_that_was_read_joins_like_a_new_one() -> None:
    made = entries(MEMBERS), entries(OTHERS)
    read = [read_bundle(part.to_bytes()) for part in made]
    assert joined(*read) == joined(*made)
    assert [part.size for part in read] == [part.size for part in made]


def test_a_bundle_with_more_than_65535_members_is_in_zip64_format() -> None:
    made = entries({f"{number}.pdf": b"" for number in range(65_536)})
    with ZipFile(BytesIO(made.to_bytes())) as archive:
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
