"""The rows of a synthetic delivery: valid in the format, and realistic."""

import csv
import re
import unicodedata
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from synthetic.generate import DeliveryPlan, generate_delivery
from synthetic.names import PersonName, draw_name, load_name_pool
from synthetic.random_draws import Draws

Rows = list[dict[str, str]]
KEYS = {
    "target_groups.csv": ("target_group",),
    "components.csv": ("component",),
    "levels.csv": ("level_scale", "level"),
    "level_descriptions.csv": ("component", "level"),
    "schools.csv": ("school",),
    "class_groups.csv": ("school", "class_group"),
    "students.csv": ("student", "school"),
    "results.csv": ("student", "component"),
    "item_results.csv": ("student", "component", "item"),
}
REFERENCES = [
    ("components.csv", "target_groups.csv", ("target_group",)),
    ("components.csv", "levels.csv", ("level_scale",)),
    ("level_descriptions.csv", "components.csv", ("component",)),
    ("level_descriptions.csv", "levels.csv", ("level",)),
    ("class_groups.csv", "schools.csv", ("school",)),
    ("class_groups.csv", "target_groups.csv", ("target_group",)),
    ("students.csv", "class_groups.csv", ("school", "class_group")),
    ("results.csv", "students.csv", ("student",)),
    ("results.csv", "components.csv", ("component",)),
    ("item_results.csv", "results.csv", ("student", "component")),
]
PLAN = DeliveryPlan(schools=90, seed=11)


def read_rows(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def values_of(rows: Rows, columns: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [tuple(row[column] for column in columns) for row in rows]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synthetic") / "delivery"
    generate_delivery(PLAN, out)
    return out


@pytest.fixture(scope="module")
def delivery(directory: Path) -> dict[str, Rows]:
    return {name: read_rows(directory / name) for name in KEYS}


@pytest.fixture(scope="module")
def target_group_of(delivery: dict[str, Rows]) -> dict[tuple[str, str], str]:
    """Return the target group by student and school."""
    groups = {
        (row["school"], row["class_group"]): row["target_group"]
        for row in delivery["class_groups.csv"]
    }
    return {
        (row["student"], row["school"]): groups[row["school"], row["class_group"]]
        for row in delivery["students.csv"]
    }


@pytest.mark.parametrize("name", KEYS)
def test_keys_are_unique(delivery: dict[str, Rows], name: str) -> None:
    keys = values_of(delivery[name], KEYS[name])
    assert keys
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(("source", "target", "columns"), REFERENCES)
def test_references_resolve(
    delivery: dict[str, Rows], source: str, target: str, columns: tuple[str, ...]
) -> None:
    assert set(values_of(delivery[source], columns)) <= set(values_of(delivery[target], columns))


def test_school_numbers_have_six_digits_some_with_leading_zeros(delivery: dict[str, Rows]) -> None:
    numbers = [row["school"] for row in delivery["schools.csv"]]
    assert all(re.fullmatch(r"[0-9]{6}", number) for number in numbers)
    assert 0 < sum(number.startswith("0") for number in numbers) < len(numbers)


def test_insz_numbers_have_valid_check_digits_and_one_student(delivery: dict[str, Rows]) -> None:
    students_by_insz = defaultdict(set)
    for row in delivery["students.csv"]:
        students_by_insz[row["insz"]].add(row["student"])
    without = students_by_insz.pop("")
    assert 0 < len(without) < 0.1 * len(students_by_insz)
    for insz, students in students_by_insz.items():
        assert len(students) == 1
        assert len(insz) == 11
        assert int(insz[9:]) == 97 - int("2" + insz[:9]) % 97
        assert int(insz[:2]) in range(7, 16)
        assert int(insz[2:4]) % 20 in range(1, 13)
    assert any(int(insz[2:4]) > 12 for insz in students_by_insz)


def test_stamnummers_have_seven_digits_and_are_unique_in_a_school_only(
    delivery: dict[str, Rows],
) -> None:
    given = [row for row in delivery["students.csv"] if row["stamnummer"]]
    assert len(given) < len(delivery["students.csv"])
    assert all(re.fullmatch(r"[0-9]{7}", row["stamnummer"]) for row in given)
    in_school = values_of(given, ("school", "stamnummer"))
    assert len(in_school) == len(set(in_school))
    assert len({row["stamnummer"] for row in given}) < len(given)


def test_every_status_of_a_full_delivery_occurs_and_reported_is_common(
    delivery: dict[str, Rows],
) -> None:
    counts = Counter(row["status"] for row in delivery["results.csv"])
    assert set(counts) == {
        "reported",
        "absent",
        "exempt",
        "notCompleted",
        "notAssigned",
        "withheld",
    }
    assert counts["reported"] > 0.8 * counts.total()


def test_only_reported_results_have_a_level_and_a_score(delivery: dict[str, Rows]) -> None:
    for row in delivery["results.csv"]:
        is_reported = row["status"] == "reported"
        assert bool(row["level"]) is bool(row["scale_score"]) is is_reported


def test_higher_level_always_has_a_higher_score_with_two_decimals(
    delivery: dict[str, Rows],
) -> None:
    scores = defaultdict(list)
    for row in delivery["results.csv"]:
        if row["level"]:
            assert re.fullmatch(r"\d+\.\d\d", row["scale_score"])
            scores[row["level"]].append(float(row["scale_score"]))
    for lower, higher in pairwise("EDCBA"):
        assert max(scores[lower]) < min(scores[higher])


def test_scores_of_one_student_are_correlated(delivery: dict[str, Rows]) -> None:
    """The variance within a student is much smaller than the variance of all students."""
    scores = defaultdict(list)
    for row in delivery["results.csv"]:
        if row["scale_score"]:
            scores[row["student"]].append(float(row["scale_score"]))
    all_scores = [score for own in scores.values() for score in own]
    mean = sum(all_scores) / len(all_scores)
    variance = sum((score - mean) ** 2 for score in all_scores) / len(all_scores)
    pairs = [(own[0] - own[1]) ** 2 / 2 for own in scores.values() if len(own) > 1]
    assert sum(pairs) / len(pairs) < 0.5 * variance


def test_each_secondary_student_took_exactly_one_calibration(
    delivery: dict[str, Rows], target_group_of: dict[tuple[str, str], str]
) -> None:
    calibrations = {
        row["component"] for row in delivery["components.csv"] if row["calibration"] == "true"
    }
    taken = Counter(
        row["student"]
        for row in delivery["results.csv"]
        if row["component"] in calibrations and row["status"] != "notAssigned"
    )
    for (student, _), target_group in target_group_of.items():
        assert taken[student] == (0 if target_group == "LO4" else 1)
    reported = {row["component"] for row in delivery["results.csv"] if row["status"] == "reported"}
    assert reported >= calibrations


def test_results_are_of_the_target_group_of_the_student(
    delivery: dict[str, Rows], target_group_of: dict[tuple[str, str], str]
) -> None:
    target_groups = {student: group for (student, _), group in target_group_of.items()}
    for row in delivery["results.csv"]:
        assert row["component"].startswith(target_groups[row["student"]] + "-")


def test_few_students_are_enrolled_in_two_schools(
    delivery: dict[str, Rows], target_group_of: dict[tuple[str, str], str]
) -> None:
    municipalities = {row["school"]: row["municipality"] for row in delivery["schools.csv"]}
    enrolments = defaultdict(list)
    for row in delivery["students.csv"]:
        enrolments[row["student"]].append(row)
    shared = [rows for rows in enrolments.values() if len(rows) > 1]
    assert 1 <= len(shared) <= 0.01 * len(enrolments)
    for first, second in shared:
        assert (first["family_name"], first["insz"]) == (second["family_name"], second["insz"])
        assert municipalities[first["school"]] == municipalities[second["school"]]
        student = first["student"]
        assert (
            target_group_of[student, first["school"]] == target_group_of[student, second["school"]]
        )


def test_schools_differ_in_kind_streams_class_groups_and_sites(
    delivery: dict[str, Rows],
) -> None:
    assert {row["main_structure"] for row in delivery["schools.csv"]} == {"211", "311"}
    groups = defaultdict(list)
    for row in delivery["class_groups.csv"]:
        groups[row["school"]].append(row)
    streams = {frozenset(row["target_group"] for row in rows) for rows in groups.values()}
    assert streams == {
        frozenset({"LO4"}),
        frozenset({"SO2A"}),
        frozenset({"SO2B"}),
        frozenset({"SO2A", "SO2B"}),
    }
    assert max(len(rows) for rows in groups.values()) >= 4
    assert {len({row["site"] for row in rows}) for rows in groups.values()} == {1, 2}


def test_only_reported_results_have_items_which_follow_the_level(
    delivery: dict[str, Rows],
) -> None:
    levels = {(row["student"], row["component"]): row["level"] for row in delivery["results.csv"]}
    correct = defaultdict(list)
    items: Counter[tuple[str, str]] = Counter()
    for row in delivery["item_results.csv"]:
        key = row["student"], row["component"]
        items[key] += 1
        correct[levels[key]].append(int(row["correct"]))
    assert set(items) == {key for key, level in levels.items() if level}
    assert set(items.values()) == {6, 7, 8, 9, 10}
    shares = [sum(correct[level]) / len(correct[level]) for level in "EDCBA"]
    assert shares == sorted(shares)


def test_each_component_and_level_has_a_unique_description(delivery: dict[str, Rows]) -> None:
    texts = [row["text"] for row in delivery["level_descriptions.csv"]]
    assert len(texts) == 5 * len(delivery["components.csv"])
    assert len(set(texts)) == len(texts)


def scripts_of(names: list[PersonName]) -> set[str]:
    letters = {letter for name in names for letter in "".join(name) if letter.isalpha()}
    return {unicodedata.name(letter).split()[0] for letter in letters}


@pytest.fixture(scope="module")
def many_names() -> list[PersonName]:
    draws, pool = Draws("names"), load_name_pool(other_scripts=False)
    return [draw_name(draws, pool) for _ in range(20_000)]


def test_names_have_three_scripts_unless_others_are_requested(
    many_names: list[PersonName],
) -> None:
    assert scripts_of(many_names) == {"LATIN", "GREEK", "CYRILLIC"}
    draws, pool = Draws("names"), load_name_pool(other_scripts=True)
    more = [draw_name(draws, pool) for _ in range(5_000)]
    assert scripts_of(more) == {"LATIN", "GREEK", "CYRILLIC", "ARABIC", "CJK"}


def test_edge_cases_of_names_occur_and_are_rare(
    many_names: list[PersonName],
) -> None:
    families = Counter(family for family, _ in many_names)
    edge_cases = ['=HYPERLINK("http://x")', "</w:t>", "(unbalanced", "../../etc", 'O"Brien']
    assert all(0 < families[family] < 20 for family in edge_cases)
    lengths = Counter(len(family) for family in families.elements())
    assert 0 < lengths[1] < 40
    assert 0 < lengths[100] < 40
    assert max(lengths) == 100
    decomposed = [family for family in families if unicodedata.normalize("NFC", family) != family]
    assert 0 < len(decomposed) < 100


def test_no_name_has_a_control_character(many_names: list[PersonName]) -> None:
    text = "".join(family + given for family, given in many_names)
    assert not {letter for letter in text if unicodedata.category(letter).startswith("C")}
