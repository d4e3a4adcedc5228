"""Bundles are plain ZIPs whose members are byte ranges, under names every system takes."""

from hashlib import sha256
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile
from zlib import crc32

import pytest

from services.worker.rendering.bundle import (
    Entries,
    FileNames,
    JoinedBundle,
    directory,
    opened,
    safe_file_name,
)
from tests.worker.rendering.conftest import NASTY_NAMES, fiche

MEMBERS = {
    "4B/Jacobs Žofie.pdf": b"%PDF-1 one",
    "4B/Maes Noor.pdf": b"%PDF-2 two" * 1000,
    "4B/Вовк Тетяна.pdf": b"",
}
OTHERS = {"4C/Jacobs Žofie.pdf": b"%PDF-3 three", "4C/Aerts Jan.pdf": b"%PDF-4 four"}


def entries(members: dict[str, bytes]) -> Entries:
    made = Entries()
    for name, data in members.items():
        made.add(name, data, crc32(data))
    return made


def joined(*parts: Entries) -> tuple[bytes, bytes]:
    """The bytes of the joined bundle, and the SHA-256 it says they have."""
    bundle = JoinedBundle()
    for part in parts:
        bundle.add(part)
    end, digest = bundle.closed()
    return b"".join([*(piece for part in parts for piece in part.pieces), end]), digest


def test_members_are_stored_and_are_byte_ranges() -> None:
    made = Entries()
    offsets = [made.add(name, data, crc32(data)) for name, data in MEMBERS.items()]
    bundle = made.closed()
    for offset, data in zip(offsets, MEMBERS.values(), strict=True):
        assert bundle[offset : offset + len(data)] == data


def test_zipfile_reads_what_was_written_and_finds_no_fault() -> None:
    with ZipFile(BytesIO(entries(MEMBERS).closed())) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == MEMBERS
        assert {info.compress_type for info in archive.infolist()} == {ZIP_STORED}
        assert not any(info.flag_bits & 0x08 for info in archive.infolist())
        assert [bool(info.flag_bits & 0x800) for info in archive.infolist()] == [True, False, True]


def test_an_empty_bundle_is_a_zip() -> None:
    assert ZipFile(BytesIO(Entries().closed())).namelist() == []


def test_the_same_members_give_the_same_bytes() -> None:
    assert entries(MEMBERS).closed() == entries(MEMBERS).closed()
    assert entries(MEMBERS).closed() != entries(dict(reversed(MEMBERS.items()))).closed()


def test_bundles_join_to_one_of_all_their_members() -> None:
    whole, digest = joined(entries(MEMBERS), entries(OTHERS))
    with ZipFile(BytesIO(whole)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == MEMBERS | OTHERS
    assert digest == sha256(whole).digest()


def test_a_bundle_that_is_read_back_joins_as_when_it_was_made() -> None:
    made = entries(MEMBERS), entries(OTHERS)
    read = [opened(part.closed()) for part in made]
    assert joined(*read) == joined(*made)
    assert [part.size for part in read] == [part.size for part in made]


def test_more_members_than_the_small_fields_of_a_zip_can_count() -> None:
    made = entries({f"{number}.pdf": b"" for number in range(65_536)})
    with ZipFile(BytesIO(made.closed())) as archive:
        assert len(archive.infolist()) == 65_536
        assert archive.read("65535.pdf") == b""


def test_members_beyond_four_gibibytes_are_found(tmp_path: Path) -> None:
    """In a file with a hole of that size, which takes no room on a disk."""
    member, start = entries({"4B/Maes Noor.pdf": b"%PDF"}), (4 << 30) + 1
    member.members[0].header_offset = start
    with (tmp_path / "bundle.zip").open("wb") as file:
        file.seek(start)
        file.write(b"".join(member.pieces))
        file.write(directory(member.members, start + member.size))
    with ZipFile(tmp_path / "bundle.zip") as archive:
        assert archive.read("4B/Maes Noor.pdf") == b"%PDF"


def test_a_fiche_is_called_after_family_and_given_name() -> None:
    names = FileNames()
    assert names.fiche(fiche()) == "Jacobs Žofie.pdf"
    assert names.fiche(fiche()) == "Jacobs Žofie (2).pdf"
    assert names.fiche(fiche(family_name="JACOBS")) == "JACOBS Žofie (3).pdf"


def test_each_class_group_of_a_school_has_a_folder_of_its_own() -> None:
    names = FileNames()
    class_groups = ("4A", "4a", "4/B", "4-B", "..", "con", "4A ")
    assert [names.folder(class_group) for class_group in class_groups] == [
        *("4A", "4a (2)", "4-B", "4-B (2)", "zonder naam", "_con", "4A (3)")
    ]


def test_bundles_and_overviews_have_names_of_their_own() -> None:
    assert FileNames().bundle("2024", "4/A") == "Feedbackfiches 4-A 2024.zip"
    assert FileNames().overview("2024", "000028") == "Overzicht klassenraad 000028 2024.xlsx"


@pytest.mark.parametrize("name", [*NASTY_NAMES, "", ".", "Ž" * 100, "x\u202egpj.exe", "a\x00\nb"])
def test_any_name_makes_a_file_name_every_system_takes(name: str) -> None:
    member = FileNames().fiche(fiche(family_name=name, given_name=name or "Noor"))
    assert len(member.encode()) <= 120
    assert not set(member) & set('<>:"/\\|?*')
    assert member.isprintable()
    assert member[0] not in "=+-@. "
    assert member.removesuffix(".pdf").rstrip(" .") == member.removesuffix(".pdf")


@pytest.mark.parametrize("name", ["CON", "nul", "Com1", "LPT¹", "aux.", "prn. x"])
def test_names_windows_keeps_for_itself_are_set_apart(name: str) -> None:
    assert safe_file_name(name, 116).startswith("_")


def test_ordinary_names_are_left_as_they_are() -> None:
    for name in ("De Smet-Öztürk Inès", "'t Kindt Jan", "Ó Súilleabháin", "Contreras", "王 小明"):
        assert safe_file_name(name, 116) == name


def test_a_long_name_is_cut_between_letters_and_stays_unique() -> None:
    names = FileNames()
    long = "x\u0323\u0301" * 60
    first, second = (names.fiche(fiche(family_name=long)) for _ in range(2))
    assert first != second
    assert second.endswith(" (2).pdf")
    assert first.removesuffix(".pdf").replace("x\u0323\u0301", "") == ""
