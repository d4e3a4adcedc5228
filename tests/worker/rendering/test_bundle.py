"""Bundles are plain ZIPs whose members are byte ranges, under names every system takes."""

from hashlib import sha256
from io import BytesIO
from typing import BinaryIO, cast
from zipfile import ZIP_STORED, ZipFile

import pytest

from services.worker.rendering.bundle import BundleMember, BundleWriter, MemberNames, safe_file_name
from tests.worker.rendering.conftest import NASTY_NAMES, fiche


class _Pipe:
    """Takes bytes and nothing else, like the way out to an object store."""

    def __init__(self) -> None:
        self.received = b""

    def write(self, data: bytes) -> int:
        self.received += data
        return len(data)


def _bundle(members: dict[str, bytes]) -> tuple[bytes, list[BundleMember], tuple[int, bytes]]:
    pipe = _Pipe()
    writer = BundleWriter(cast("BinaryIO", pipe))
    written = [writer.add(name, data) for name, data in members.items()]
    total = writer.close()
    return pipe.received, written, total


MEMBERS = {
    "Jacobs Žofie.pdf": b"%PDF-1 one",
    "4B/Maes Noor.pdf": b"%PDF-2 two" * 1000,
    "Вовк Тетяна.pdf": b"",
}


def test_members_are_stored_and_are_byte_ranges() -> None:
    bundle, written, _ = _bundle(MEMBERS)
    for member, (name, data) in zip(written, MEMBERS.items(), strict=True):
        assert member == BundleMember(member.offset, len(data), sha256(data).digest(), name)
        assert bundle[member.offset : member.offset + member.size] == data


def test_zipfile_reads_what_was_written_and_finds_no_fault() -> None:
    bundle, _, _ = _bundle(MEMBERS)
    with ZipFile(BytesIO(bundle)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == MEMBERS
        assert {info.compress_type for info in archive.infolist()} == {ZIP_STORED}
        assert not any(info.flag_bits & 0x08 for info in archive.infolist())
        assert [bool(info.flag_bits & 0x800) for info in archive.infolist()] == [True, False, True]


def test_the_total_is_the_size_and_digest_of_the_whole() -> None:
    bundle, _, total = _bundle(MEMBERS)
    assert total == (len(bundle), sha256(bundle).digest())


def test_an_empty_bundle_is_a_zip() -> None:
    bundle, _, total = _bundle({})
    assert ZipFile(BytesIO(bundle)).namelist() == []
    assert total[0] == len(bundle)


def test_the_same_members_give_the_same_bytes() -> None:
    assert _bundle(MEMBERS)[0] == _bundle(MEMBERS)[0]
    assert _bundle(MEMBERS)[0] != _bundle(dict(reversed(MEMBERS.items())))[0]


def test_a_name_is_taken_once_whatever_its_case() -> None:
    writer = BundleWriter(BytesIO())
    writer.add("Maes Noor.pdf", b"1")
    with pytest.raises(ValueError, match="each name once") as caught:
        writer.add("maes noor.PDF", b"2")
    assert "maes" not in str(caught.value).lower().replace("names", "")


def test_a_fiche_is_called_after_family_and_given_name() -> None:
    names = MemberNames()
    assert names.fiche(fiche()) == "Jacobs Žofie.pdf"
    assert names.fiche(fiche()) == "Jacobs Žofie (2).pdf"
    assert names.fiche(fiche(family_name="JACOBS")) == "JACOBS Žofie (3).pdf"


def test_a_school_bundle_has_a_folder_per_class_group() -> None:
    names = MemberNames()
    drawn = [
        names.fiche(fiche(class_group=class_group), in_class_folder=True)
        for class_group in ("4A", "4A", "4/B", "4-B", "..", "con")
    ]
    assert drawn == [
        "4A/Jacobs Žofie.pdf",
        "4A/Jacobs Žofie (2).pdf",
        "4-B/Jacobs Žofie.pdf",
        "4-B (2)/Jacobs Žofie.pdf",
        "zonder naam/Jacobs Žofie.pdf",
        "_con/Jacobs Žofie.pdf",
    ]


def test_bundles_and_overviews_have_names_of_their_own() -> None:
    assert MemberNames().bundle("2024", "4/A") == "Feedbackfiches 4-A 2024.zip"
    assert MemberNames().overview("2024", "000028") == "Overzicht klassenraad 000028 2024.xlsx"


@pytest.mark.parametrize("name", [*NASTY_NAMES, "", ".", "Ž" * 100, "x\u202egpj.exe", "a\x00\nb"])
def test_any_name_makes_a_file_name_every_system_takes(name: str) -> None:
    member = MemberNames().fiche(fiche(family_name=name, given_name=name or "Noor"))
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
    names = MemberNames()
    long = "x\u0323\u0301" * 60
    first, second = (names.fiche(fiche(family_name=long)) for _ in range(2))
    assert first != second
    assert second.endswith(" (2).pdf")
    assert first.removesuffix(".pdf").replace("x\u0323\u0301", "") == ""
