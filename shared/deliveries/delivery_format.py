"""The delivery format as data: versions, files, columns, keys, lengths and valid values."""

from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ARRAY, String
from sqlalchemy.orm import InstrumentedAttribute

from shared.deliveries.file_format import FORMAT_1_1, Column, FileFormat
from shared.results.models import (
    STATUSES,
    Component,
    ItemResult,
    Level,
    LevelDescription,
    TargetGroup,
)
from shared.schools.models import Participation, School
from shared.students.models import ClassGroup, Student

MANIFEST: Final = "delivery.json"
ADMINISTRATION: Final = "administration.json"

WITHDRAWN: Final = "withdrawn"
INSZ: Final = "insz"
PREVIOUS_INSZ: Final = "previous_insz"
ENDED: Final = "ended"
SORT_KEY: Final = "sort_key"
"""A staged column that is made from others; no file has it."""


def _limit(attribute: InstrumentedAttribute[Any]) -> int:
    """Return the maximum length of the table column in which the value is stored."""
    kind: Any = attribute.type
    if isinstance(kind, ARRAY):
        kind = kind.item_type
    if not isinstance(kind, String) or kind.length is None:
        raise TypeError(f"{attribute.key} is not a text column with a length")
    return kind.length


_SCHOOL = "^[0-9]{6}$"
_MAX_PREDECESSORS: Final = 20
_DECIMAL = r"^[+-]?([0-9]{1,25}(\.[0-9]{0,25})?|\.[0-9]{1,25})([eE][+-]?[0-9]{1,3})?$"
_A_DECIMAL = (
    "a decimal number with a point, such as 180.57 or 1.8e+02, with at most 25 digits before and "
    "after the point"
)


def _school() -> Column:
    return Column(
        "school",
        pattern=_SCHOOL,
        expected="a school number of 6 digits, leading zeros included",
        kind="schoolNumber",
    )


def _boolean(name: str, *, is_optional: bool = False) -> Column:
    return Column(name, values=("true", "false"), expected="true or false", is_optional=is_optional)


def _person_name(name: str, limit: int) -> Column:
    return Column(name, limit, is_personal=True, is_text=True, is_drawn=True, may_be_empty=True)


def _integer(name: str, pattern: str, expected: str) -> Column:
    return Column(name, pattern=pattern, expected=expected)


TARGET_GROUPS: Final = FileFormat(
    "target_groups.csv",
    ("target_group",),
    (
        Column("target_group", _limit(TargetGroup.code)),
        Column("name", _limit(TargetGroup.name), is_text=True, is_drawn=True),
        Column("education_level", values=("lager", "secundair"), expected="lager or secundair"),
        _integer("grade", "^[1-9]$", "a whole number from 1 to 9"),
        Column("stream", _limit(TargetGroup.stream), is_optional=True),
    ),
)
COMPONENTS: Final = FileFormat(
    "components.csv",
    ("component",),
    (
        Column("component", _limit(Component.code)),
        Column("target_group"),
        Column("subject", values=("nederlands", "wiskunde"), expected="nederlands or wiskunde"),
        Column("name", _limit(Component.name), is_text=True, is_drawn=True),
        _integer("position", "^[0-9]{1,6}$", "a whole number from 0 to 999999"),
        _boolean("calibration"),
        Column("level_scale", _limit(Component.level_scale)),
    ),
)
LEVELS: Final = FileFormat(
    "levels.csv",
    ("level_scale", "level"),
    (
        Column("level_scale", _limit(Level.level_scale)),
        Column("level", _limit(Level.code), is_drawn=True),
        _integer(
            "ordinal", "^[1-9][0-9]{0,3}$", "a whole number from 1, the lowest level, to 9999"
        ),
        Column("label", _limit(Level.label), is_text=True, is_drawn=True),
        _boolean("attains_basic_literacy", is_optional=True),
        _boolean("attains_final_objectives", is_optional=True),
    ),
)
LEVEL_DESCRIPTIONS: Final = FileFormat(
    "level_descriptions.csv",
    ("component", "level"),
    (
        Column("component"),
        Column("level"),
        Column(
            "text", _limit(LevelDescription.text), has_line_breaks=True, is_text=True, is_drawn=True
        ),
    ),
)
SCHOOLS: Final = FileFormat(
    "schools.csv",
    ("school",),
    (
        _school(),
        Column("name", _limit(School.name), is_text=True, is_drawn=True),
        Column("municipality", _limit(School.municipality), is_text=True, is_drawn=True),
        Column("main_structure", pattern="^[0-9]{3}$", expected="a main structure of 3 digits"),
        Column("comparison_group", _limit(Participation.comparison_group), is_optional=True),
        Column(
            "successor_of",
            pattern=f"^[0-9]{{6}}([|][0-9]{{6}}){{0,{_MAX_PREDECESSORS - 1}}}$",
            expected=f"one to {_MAX_PREDECESSORS} school numbers of 6 digits, leading zeros "
            "included, separated by |",
            kind="schoolNumber",
            is_optional=True,
        ),
    ),
)
CLASS_GROUPS: Final = FileFormat(
    "class_groups.csv",
    ("school", "class_group"),
    (
        _school(),
        Column("class_group", _limit(ClassGroup.name), is_drawn=True),
        Column("target_group"),
        Column("site", _limit(ClassGroup.site), is_optional=True),
        Column(
            "site_name", _limit(ClassGroup.site_name), is_optional=True, is_text=True, is_drawn=True
        ),
    ),
)
STUDENTS: Final = FileFormat(
    "students.csv",
    ("student", "school"),
    (
        Column("student", _limit(Student.delivered_as)),
        _school(),
        Column("class_group"),
        _person_name("family_name", _limit(Student.family_name)),
        _person_name("given_name", _limit(Student.given_name)),
        Column(
            "stamnummer",
            pattern="^[0-9]{7}$",
            expected="a stamnummer of 7 digits",
            is_optional=True,
            is_personal=True,
        ),
        Column(INSZ, is_optional=True, is_personal=True),
        Column(
            "enrolment",
            values=("active", ENDED),
            expected="active or ended",
            is_optional=True,
            since=FORMAT_1_1,
        ),
        Column(PREVIOUS_INSZ, is_optional=True, is_personal=True, since=FORMAT_1_1),
    ),
)
RESULTS: Final = FileFormat(
    "results.csv",
    ("student", "component"),
    (
        Column("student"),
        Column("component"),
        Column(
            "status",
            values=(*STATUSES, WITHDRAWN),
            expected=f"one of {', '.join((*STATUSES, WITHDRAWN))}",
            kind="unknownStatus",
        ),
        Column("level", is_optional=True),
        Column(
            "scale_score",
            pattern=_DECIMAL,
            expected=f"{_A_DECIMAL}; leave the value empty if there is no score",
            is_optional=True,
        ),
    ),
)
ITEM_RESULTS: Final = FileFormat(
    "item_results.csv",
    ("student", "component", "item"),
    (
        Column("student"),
        Column("component"),
        Column("item", _limit(ItemResult.items)),
        Column("correct", values=("0", "1"), expected="1 for a right answer, 0 for a wrong one"),
    ),
    is_optional=True,
)
REFERENCES: Final = FileFormat(
    "references.csv",
    ("school", "component", "reference", "level", "indicator"),
    (
        replace(_school(), is_optional=True),
        Column("component"),
        Column(
            "reference",
            values=("flanders", "similar"),
            expected="flanders or similar",
        ),
        Column("level", _limit(Level.code), is_optional=True),
        Column(
            "indicator",
            values=("basicLiteracy", "finalObjectives", "mean"),
            expected="basicLiteracy, finalObjectives or mean",
            is_optional=True,
        ),
        Column("value", pattern=_DECIMAL, expected=_A_DECIMAL),
        Column("standard_error", pattern=_DECIMAL, expected=_A_DECIMAL, is_optional=True),
        Column(
            "students",
            pattern="^[0-9]{1,7}$",
            expected="a whole number of students",
            is_optional=True,
        ),
    ),
    is_optional=True,
    since=FORMAT_1_1,
)

CSV_FILES: Final = (
    TARGET_GROUPS,
    COMPONENTS,
    LEVELS,
    LEVEL_DESCRIPTIONS,
    SCHOOLS,
    CLASS_GROUPS,
    STUDENTS,
    RESULTS,
    ITEM_RESULTS,
    REFERENCES,
)
"""The CSV files in order of reference: each refers only to files before it."""

HASHED: Final = {INSZ: "insz_hash", PREVIOUS_INSZ: "previous_insz_hash"}
"""The columns of INSZ numbers, and those of the staging table with their hashes."""

FILE_NAMES: Final = (MANIFEST, ADMINISTRATION, *(file.name for file in CSV_FILES))
REQUIRED_IN_FULL: Final = (
    ADMINISTRATION,
    *(file.name for file in CSV_FILES if not file.is_optional),
)
