"""The catalogue of a synthetic delivery: target groups, components, levels and descriptions."""

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Final, NamedTuple

LEVELS: Final = ("E", "D", "C", "B", "A")


class TargetGroup(NamedTuple):
    code: str
    name: str
    education_level: str
    grade: str
    stream: str


@dataclass(frozen=True, slots=True)
class Component:
    target_group: str
    short_code: str
    subject: str
    name: str
    items: int
    is_calibration: bool = False

    @property
    def code(self) -> str:
        return f"{self.target_group}-{self.short_code}"

    @property
    def level_scale(self) -> str:
        return self.target_group[:2]


TARGET_GROUPS: Final = (
    TargetGroup("LO4", "4de leerjaar lager onderwijs", "lager", "4", ""),
    TargetGroup("SO2A", "2de leerjaar A-stroom", "secundair", "2", "A"),
    TargetGroup("SO2B", "2de leerjaar B-stroom", "secundair", "2", "B"),
)

# Grade 4 of primary education has no final objectives (eindtermen), so no markers.
LEVEL_MARKERS: Final = {
    "LO": (("", ""),) * 5,
    "SO": (
        ("false", "false"),
        ("true", "false"),
        ("true", "true"),
        ("true", "true"),
        ("true", "true"),
    ),
}

COMPONENTS: Final = (
    Component("LO4", "LEZ", "nederlands", "Begrijpend lezen", 9),
    Component("LO4", "SCH", "nederlands", "Schrijven en taalbeschouwing", 7),
    Component("LO4", "WIS", "wiskunde", "Wiskundige problemen oplossen", 10),
    Component("LO4", "GET", "wiskunde", "Getallen en bewerkingen", 8),
    Component("SO2A", "LEZ", "nederlands", "Begrijpend lezen", 10),
    Component("SO2A", "WIS", "wiskunde", "Wiskundige problemen oplossen", 10),
    Component("SO2A", "TAB", "wiskunde", "Tabellen en diagrammen", 8, is_calibration=True),
    Component("SO2A", "MEE", "wiskunde", "Meetkunde", 8, is_calibration=True),
    Component("SO2A", "SCHK", "nederlands", "Schrijven (kalibratie)", 6, is_calibration=True),
    Component("SO2B", "LEZ", "nederlands", "Begrijpend lezen", 8),
    Component("SO2B", "WIS", "wiskunde", "Wiskundige problemen oplossen", 8),
    Component("SO2B", "TAB", "wiskunde", "Tabellen en diagrammen", 7, is_calibration=True),
    Component("SO2B", "SCHK", "nederlands", "Schrijven (kalibratie)", 6, is_calibration=True),
)


def tested_components(target_group: str) -> tuple[Component, ...]:
    """Return the components that every student of the target group takes, in order."""
    return tuple(c for c in COMPONENTS if c.target_group == target_group and not c.is_calibration)


def calibration_components(target_group: str) -> tuple[Component, ...]:
    """Return the calibrations of which each student takes one; none in primary education."""
    return tuple(c for c in COMPONENTS if c.target_group == target_group and c.is_calibration)


def load_level_descriptions() -> dict[str, list[str]]:
    """Return the descriptions of LEVELS, from the lowest up, by component."""
    source = files(__package__).joinpath("level_descriptions.json").read_text(encoding="utf-8")
    descriptions: dict[str, list[str]] = json.loads(source)
    return descriptions
