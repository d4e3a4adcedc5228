"""Generation of a delivery: reproducible, of realistic size, and never over other files."""

import csv
import hashlib
import json
import re
import tracemalloc
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from synthetic.generate import (
    DeliveryPlan,
    SyntheticDeliveryError,
    generate_delivery,
    zip_delivery,
)

TABLES = {
    "target_groups.csv",
    "components.csv",
    "levels.csv",
    "level_descriptions.csv",
    "schools.csv",
    "class_groups.csv",
    "students.csv",
    "results.csv",
    "item_results.csv",
}
PLAN = DeliveryPlan(schools=9, seed=3)


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def contents_of(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    generate_delivery(PLAN, tmp_path / "delivery")
    return tmp_path / "delivery"


def test_same_plan_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    for name, seed in (("first", 3), ("second", 3), ("other", 4)):
        generate_delivery(DeliveryPlan(schools=9, seed=seed), tmp_path / name)
    assert contents_of(tmp_path / "first") == contents_of(tmp_path / "second")
    assert contents_of(tmp_path / "first") != contents_of(tmp_path / "other")


def test_plan_gives_the_same_bytes_on_every_machine(tmp_path: Path) -> None:
    """The id ends in a hash of all content; it changes only if the generator is changed."""
    generate_delivery(DeliveryPlan(schools=25, seed=2024), tmp_path)
    manifest = json.loads((tmp_path / "delivery.json").read_bytes())
    assert manifest["deliveryId"] == "synthetic-2024-1-4d2b665d19e9"


def test_manifest_has_the_rows_and_hashes_of_the_files(tmp_path: Path) -> None:
    counts = generate_delivery(DeliveryPlan(schools=9, seed=1, sequence=2), tmp_path)
    manifest = json.loads((tmp_path / "delivery.json").read_bytes())
    contents = contents_of(tmp_path)
    del contents["delivery.json"]
    assert set(manifest["files"]) == set(contents) == TABLES | {"administration.json"}
    for name, file in manifest["files"].items():
        assert file["sha256"] == hashlib.sha256(contents[name]).hexdigest()
        rows = len(read_rows(tmp_path / name)) if name in TABLES else 1
        assert file["rows"] == counts[name] == rows
    assert (manifest["mode"], manifest["sequence"]) == ("full", 2)
    assert manifest["createdAt"] == "2024-06-11T09:00:00+02:00"
    assert json.loads(contents["administration.json"])["id"] == manifest["administrationId"]


def test_rows_of_a_school_do_not_depend_on_the_number_of_schools(tmp_path: Path) -> None:
    for schools in (12, 30):
        generate_delivery(DeliveryPlan(schools=schools, seed=5), tmp_path / str(schools))
    for name in TABLES:
        shorter = (tmp_path / "12" / name).read_bytes()
        assert (tmp_path / "30" / name).read_bytes().startswith(shorter)


def test_results_are_the_same_with_and_without_items(tmp_path: Path) -> None:
    generate_delivery(DeliveryPlan(schools=5, seed=5), tmp_path / "with")
    generate_delivery(DeliveryPlan(schools=5, seed=5, with_items=False), tmp_path / "without")
    with_items, without = contents_of(tmp_path / "with"), contents_of(tmp_path / "without")
    assert set(with_items) - set(without) == {"item_results.csv"}
    assert with_items["results.csv"] == without["results.csv"]


def test_later_administration_has_the_same_schools_and_other_students(tmp_path: Path) -> None:
    for year in ("2024", "2025"):
        plan = DeliveryPlan(schools=5, seed=5, administration_id=year)
        generate_delivery(plan, tmp_path / year)
    earlier, later = (read_rows(tmp_path / year / "students.csv") for year in ("2024", "2025"))
    assert not {row["student"] for row in earlier} & {row["student"] for row in later}
    earlier_schools, later_schools = (tmp_path / year / "schools.csv" for year in ("2024", "2025"))
    assert earlier_schools.read_bytes() == later_schools.read_bytes()
    administration = json.loads((tmp_path / "2025" / "administration.json").read_bytes())
    assert administration["schoolYear"] == "2024-2025"


def test_sizes_are_those_of_2024(tmp_path: Path) -> None:
    """2024: 132,500 students and 489,988 results in 3,853 schools."""
    counts = generate_delivery(DeliveryPlan(schools=600, seed=9, with_items=False), tmp_path)
    assert counts["students.csv"] / 600 == pytest.approx(34.4, rel=0.04)
    assert counts["results.csv"] / counts["students.csv"] == pytest.approx(3.70, rel=0.02)


def test_students_per_school_replaces_the_random_sizes(tmp_path: Path) -> None:
    generate_delivery(DeliveryPlan(schools=7, seed=9, students_per_school=130), tmp_path)
    sizes = Counter(row["school"] for row in read_rows(tmp_path / "students.csv"))
    assert list(sizes.values()) == [130] * 7


def test_students_per_class_replaces_the_largest_sizes(tmp_path: Path) -> None:
    plan = DeliveryPlan(schools=7, seed=9, students_per_school=50, students_per_class=25)
    generate_delivery(plan, tmp_path)
    rows = read_rows(tmp_path / "students.csv")
    sizes = Counter((row["school"], row["class_group"]) for row in rows)
    assert max(sizes.values()) == 25


def test_memory_does_not_grow_with_the_number_of_schools(tmp_path: Path) -> None:
    peaks = []
    for schools in (1, 40, 160):  # the first run fills the caches
        tracemalloc.start()
        generate_delivery(DeliveryPlan(schools=schools, seed=6), tmp_path / str(schools))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.3 * peaks[1]


def test_progress_counts_the_schools_written(tmp_path: Path) -> None:
    progress: list[int] = []
    generate_delivery(DeliveryPlan(schools=4, seed=1), tmp_path, progress.append)
    assert progress == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("plan", "remedy"),
    [
        (DeliveryPlan(schools=0, seed=1), "schools is 0: choose a number from 1"),
        (DeliveryPlan(schools=200_000, seed=1), "schools is 200000: choose a number from 1 to"),
        (DeliveryPlan(schools=1, seed=1, sequence=0), "sequence is 0: deliveries are numbered"),
        (DeliveryPlan(schools=1, seed=1, students_per_school=0), "students_per_school is 0"),
        (DeliveryPlan(schools=1, seed=1, students_per_class=0), "students_per_class is 0"),
        (DeliveryPlan(schools=1, seed=1, administration_id="juni"), "begin with the year"),
    ],
)
def test_invalid_plan_is_rejected_before_anything_is_written(
    tmp_path: Path, plan: DeliveryPlan, remedy: str
) -> None:
    out = tmp_path / "delivery"
    with pytest.raises(SyntheticDeliveryError, match=remedy):
        generate_delivery(plan, out)
    assert not out.exists()


def test_directory_with_files_is_rejected_and_not_changed(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("keep")
    with pytest.raises(SyntheticDeliveryError, match=re.escape(f"{tmp_path} is not empty")):
        generate_delivery(PLAN, tmp_path)
    with pytest.raises(SyntheticDeliveryError, match=r"note\.txt is not a directory"):
        generate_delivery(PLAN, tmp_path / "note.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_zip_has_the_same_files_at_its_root_and_is_reproducible(
    directory: Path, tmp_path: Path
) -> None:
    for name in ("first.zip", "second.zip"):
        zip_delivery(directory, tmp_path / name)
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "first.zip") as archive:
        assert archive.testzip() is None
        entries = {name: archive.read(name) for name in archive.namelist()}
    assert entries == contents_of(directory)


def test_zip_overwrites_no_file_and_requires_a_manifest(directory: Path, tmp_path: Path) -> None:
    target = tmp_path / "delivery.zip"
    target.write_bytes(b"keep")
    with pytest.raises(SyntheticDeliveryError, match=r"delivery\.zip exists: choose another file"):
        zip_delivery(directory, target)
    with pytest.raises(SyntheticDeliveryError, match=r"has no delivery\.json"):
        zip_delivery(tmp_path, tmp_path / "other.zip")
    assert target.read_bytes() == b"keep"
