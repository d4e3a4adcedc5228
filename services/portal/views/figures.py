"""The figures of a component as tables with bars, and as sentences made from the same numbers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Texts = Mapping[str, str]
Json = dict[str, Any]

LONGEST_SIGN = 2
STEPS = 5
"""The shades of one hue, from light to dark."""
GOAL_STEP = 4
"""The shade of bars that are about no level."""
NONE = "\N{EN DASH}"
SIGNS = {"school": "●", "flanders": "□", "similar": "△"}
GOALS = ("basicLiteracy", "finalObjectives")


@dataclass(frozen=True, slots=True)
class Cell:
    """A text, and under it a bar as long as its `share` (0 to 1), which begins with a sign."""

    text: str
    share: float | None = None
    sign: str = ""
    step: int = GOAL_STEP


@dataclass(frozen=True, slots=True)
class Row:
    """A level, a goal or a class group, with a cell per column; none if its figures are hidden."""

    name: str
    cells: tuple[Cell, ...]
    site: str = ""
    students: int | None = None


@dataclass(frozen=True, slots=True)
class ComponentTables:
    """A component: the columns are groups of students, and in `class_groups` the levels."""

    found: Json
    texts: Texts

    @property
    def code(self) -> str:
        return str(self.found["component"])

    @property
    def name(self) -> str:
        return str(self.found["componentName"])

    @property
    def is_hidden(self) -> bool:
        return bool(self.found["school"]["isHidden"])

    @property
    def columns(self) -> list[tuple[str, str]]:
        """The sign and the name of each group: the school, Flanders, similar schools."""
        names = ["school", *(one["name"] for one in self.found["references"])]
        return [(SIGNS[name], self.texts[name]) for name in names]

    @property
    def level_columns(self) -> list[str]:
        labels = [level["label"] for level in self.found["levels"]]
        if self._signs[0] == self.found["levels"][0]["code"]:
            return labels
        return [f"{sign}. {label}" for sign, label in zip(self._signs, labels, strict=True)]

    @property
    def levels(self) -> list[Row]:
        """A row per level, from the lowest up."""
        own = self._cells_of_levels(self.found["school"])
        others = [self._cells_of_reference(one) for one in self.found["references"]]
        by_level = zip(self.level_columns, zip(own, *others, strict=True), strict=True)
        return [Row(label, cells) for label, cells in by_level]

    @property
    def goals(self) -> list[Row]:
        """A row per goal that the scale marks, and one for the mean score if there is one."""
        school, references = self.found["school"], self.found["references"]
        rows = []
        for goal in GOALS:
            if school.get(goal) is not None and school["students"]:
                cells = [self._goal_of_school(school, goal)]
                cells += [_goal_of_reference(one, goal) for one in references]
                rows.append(Row(self.texts[goal], tuple(cells)))
        if mean := self.found.get("mean"):
            cells = [_mean(mean), *(_mean(one.get("mean")) for one in references)]
            rows.append(Row(self.texts["mean"], tuple(cells)))
        return rows

    @property
    def class_groups(self) -> list[Row]:
        return [
            Row(
                row["classGroup"],
                () if row["isHidden"] else self._cells_of_levels(row),
                row.get("siteName", ""),
                row.get("students"),
            )
            for row in self.found["classGroups"]
        ]

    @property
    def sentence(self) -> str:
        """The number of students of the school that attain the goals, or have each level."""
        sentences = list(self._attainment()) or [self._levels_in_words()]
        if not self.found["hasLateCorrections"]:
            sentences.append(self.texts["late_corrections"])
        return " ".join(sentences)

    @property
    def reading(self) -> str:
        """Words on reading a level, with the one in the middle as the example."""
        levels = self.found["levels"]
        middle = levels[len(levels) // 2]["label"]
        return self.texts["reading_levels"].format(level=_in_sentence(middle))

    @property
    def origins(self) -> str:
        """Students without a level, the origin of the references, and the version."""
        sentences = [*self._not_tested(), *self._references()]
        sentences.append(self.texts["version"].format(version=self.found["version"]))
        return " ".join(sentences)

    @property
    def _signs(self) -> list[str]:
        """The code of each level, or its rank if a code is too long for a bar."""
        codes = [level["code"] for level in self.found["levels"]]
        if max(map(len, codes)) <= LONGEST_SIGN:
            return codes
        return [str(level["ordinal"]) for level in self.found["levels"]]

    def _cells_of_levels(self, row: Json) -> tuple[Cell, ...]:
        counts, students = row["counts"], row["students"]
        percentages = row.get("percentages") or [None] * len(counts)
        texts = [
            f"{count}" if percent is None else f"{count} ({_percent(percent)})"
            for count, percent in zip(counts, percentages, strict=True)
        ]
        return self._cells(texts, [count / students if students else 0.0 for count in counts])

    def _cells_of_reference(self, reference: Json) -> tuple[Cell, ...]:
        shares = reference.get("shares")
        if shares is None:
            return tuple(Cell(NONE) for _ in self.found["levels"])
        return self._cells([_percentage(share) for share in shares], shares)

    def _cells(self, texts: list[str], shares: list[float]) -> tuple[Cell, ...]:
        last = max(len(texts) - 1, 1)
        return tuple(
            Cell(text, share, sign, 1 + round(place * (STEPS - 1) / last))
            for place, (text, share, sign) in enumerate(
                zip(texts, shares, self._signs, strict=True)
            )
        )

    def _goal_of_school(self, school: Json, goal: str) -> Cell:
        count, students = school[goal], school["students"]
        text = self.texts["of"].format(count=count, students=students)
        if "percentages" in school:
            text += f" ({_percentage(count / students)})"
        return Cell(text, count / students, SIGNS["school"])

    def _attainment(self) -> Iterator[str]:
        school = self.found["school"]
        for goal in GOALS:
            if school.get(goal) is not None:
                numbers = {"count": school[goal], "students": school["students"]}
                yield self.texts[f"{goal}_sentence"].format(**numbers)
        if school.get("finalObjectives") is None:
            return
        for one in self.found["references"]:
            if one["name"] == "flanders" and "finalObjectives" in one:
                share = _percentage(one["finalObjectives"])
                yield self.texts["flanders_sentence"].format(share=share)

    def _levels_in_words(self) -> str:
        school, levels = self.found["school"], self.found["levels"]
        listed = [
            f"{count} {_in_sentence(level['label'])}"
            for count, level in zip(school["counts"], levels, strict=True)
        ]
        together = ", ".join(listed[:-1]) + f" en {listed[-1]}" if listed[1:] else listed[0]
        numbers = {"students": school["students"], "levels": together}
        return self.texts["per_level"].format(**numbers)

    def _not_tested(self) -> Iterator[str]:
        if (missing := self.found.get("notTested")) is None:
            return
        listed = ", ".join(
            self.texts[status].format(count=missing.get(status, self.texts["few"]))
            for status in ("absent", "exempt", "notCompleted")
        )
        yield f"{self.texts['without_level']} {listed}."
        if count := self.found["school"].get("notAssigned"):
            yield self.texts["not_assigned"].format(count=count)

    def _references(self) -> Iterator[str]:
        references = self.found["references"]
        for kind in ("delivered", "computed"):
            names = [self.texts[one["name"]] for one in references if one["kind"] == kind]
            if names:
                yield self.texts[kind].format(names=", ".join(names))
        if any(one["name"] == "similar" for one in references):
            yield self.texts["similar_note"]


def _goal_of_reference(reference: Json, goal: str) -> Cell:
    share = reference.get(goal)
    if share is None:
        return Cell(NONE)
    return Cell(_percentage(share), share, SIGNS[reference["name"]])


def _mean(mean: Json | None) -> Cell:
    """Return a mean with its standard error, to one decimal."""
    if mean is None:
        return Cell(NONE)
    error = mean.get("standardError")
    shown = f"{mean['value']:.1f}" + ("" if error is None else f" ± {error:.1f}")
    return Cell(shown.replace(".", ","))


def _percentage(share: float) -> str:
    return _percent(round(100 * share))


def _percent(number: int) -> str:
    return f"{number}\N{NO-BREAK SPACE}%"


def _in_sentence(text: str) -> str:
    return text[:1].lower() + text[1:]
