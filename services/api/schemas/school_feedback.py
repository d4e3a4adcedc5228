"""JSON of school feedback: figures about groups of students, never about one."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import Link, Page, ResponseDateTime, ResponseModel
from shared.school_feedback import figures
from shared.school_feedback.figures import PERCENTAGES_FROM, ComponentFigures
from shared.school_feedback.released_figures import FeedbackVersion as VersionRow

Share = Annotated[float, Field(ge=0, le=1)]
Counts = Annotated[
    list[int] | None,
    Field(description="The number of students per level, in the order of `levels`."),
]
BasicLiteracy = Annotated[
    int | None, Field(description="The number of students who attain basic literacy.")
]
FinalObjectives = Annotated[
    int | None, Field(description="The number of students who attain the final objectives.")
]
VersionReason = Annotated[
    str,
    Field(
        description="`first`; `beforeRelease`: computed again before anybody could read it; "
        "`corrected`; `correctionsLeftOut`: too few students changed since an earlier version. "
        "More may follow.",
        examples=["first"],
    ),
]


class FeedbackLevel(ResponseModel):
    """A level of the component's scale; the codes are data, not a fixed list."""

    code: Annotated[str, Field(examples=["C"])]
    label: Annotated[str, Field(examples=["Niveau C"])]
    ordinal: Annotated[int, Field(ge=1, description="Rank on the scale; 1 is the lowest.")]
    attains_basic_literacy: bool | None = None
    attains_final_objectives: bool | None = None


class FeedbackRow(ResponseModel):
    """The students of the school, or of a class group, who have a level of the component.

    A hidden row has no figures: there are few students, or the row would reveal other figures.
    """

    kind: Literal["school", "classGroup"]
    class_group: str | None = None
    site: str | None = None
    site_name: str | None = None
    is_hidden: bool
    students: Annotated[int | None, Field(description="The sum of `counts`.")] = None
    counts: Counts = None
    percentages: Annotated[
        list[int] | None,
        Field(
            description="The rounded percentages per level; absent for fewer than "
            f"{PERCENTAGES_FROM} students."
        ),
    ] = None
    basic_literacy: BasicLiteracy = None
    final_objectives: FinalObjectives = None
    not_assigned: Annotated[
        int | None,
        Field(description="Students that were not meant to take it; in no other figure."),
    ] = None

    @classmethod
    def of(cls, row: figures.FigureRow, component: ComponentFigures) -> Self:
        return cls(
            kind=row.kind.value,
            class_group=row.name,
            site=row.site,
            site_name=row.site_name,
            is_hidden=row.is_hidden,
            students=row.students,
            counts=None if row.counts is None else list(row.counts),
            percentages=None if row.percentages is None else list(row.percentages),
            basic_literacy=component.basic_literacy(row),
            final_objectives=component.final_objectives(row),
            not_assigned=row.not_assigned,
        )


class MeanScore(ResponseModel):
    """A mean scale score with its standard error, in the unit of the scale."""

    value: float
    standard_error: float | None = None


class NotTested(ResponseModel):
    """Students of the school without a result; an absent number is fewer than 5."""

    absent: int | None = None
    exempt: int | None = None
    not_completed: int | None = None


class FeedbackReference(ResponseModel):
    """A reference that the school is compared with: Flanders, or calculated similar schools."""

    name: Literal["flanders", "similar"]
    kind: Literal["delivered", "computed"]
    shares: Annotated[
        list[Share] | None, Field(description="The share per level, in the order of `levels`.")
    ] = None
    basic_literacy: Share | None = None
    final_objectives: Share | None = None
    mean: MeanScore | None = None
    students: int | None = None

    @classmethod
    def of(cls, reference: figures.Reference) -> Self:
        mean = reference.mean
        return cls(
            name=reference.name.value,
            kind=reference.kind.value,
            shares=None if reference.shares is None else list(reference.shares),
            basic_literacy=reference.basic_literacy,
            final_objectives=reference.final_objectives,
            mean=mean and _mean(mean),
            students=reference.students,
        )


class ComponentFeedback(ResponseModel):
    """The figures of a component in their latest version."""

    component: Annotated[str, Field(description="Code of the component.")]
    component_name: str
    subject: Annotated[str, Field(examples=["nederlands"])]
    is_calibration: bool
    levels: Annotated[list[FeedbackLevel], Field(description="From the lowest up.")]
    school: FeedbackRow
    class_groups: Annotated[
        list[FeedbackRow], Field(description="In Dutch order of their names; none of calibrations.")
    ]
    mean: MeanScore | None = None
    not_tested: NotTested | None = None
    references: list[FeedbackReference]
    has_late_corrections: Annotated[
        bool,
        Field(
            description="False: late corrections are not included, since the difference would "
            "reveal the results of few students."
        ),
    ]
    version: Annotated[int, Field(ge=1)]
    reason: VersionReason
    computed_at: ResponseDateTime

    @classmethod
    def of(cls, found: ComponentFigures) -> Self:
        missing = found.not_tested
        return cls(
            component=found.component,
            component_name=found.name,
            subject=found.subject,
            is_calibration=found.is_calibration,
            levels=[
                FeedbackLevel(
                    code=level.code,
                    label=level.label,
                    ordinal=level.ordinal,
                    attains_basic_literacy=level.attains_basic_literacy,
                    attains_final_objectives=level.attains_final_objectives,
                )
                for level in found.levels
            ],
            school=FeedbackRow.of(found.school_row, found),
            class_groups=[FeedbackRow.of(row, found) for row in found.class_rows],
            mean=found.mean and _mean(found.mean),
            not_tested=missing
            and NotTested(
                absent=missing.absent, exempt=missing.exempt, not_completed=missing.not_completed
            ),
            references=[FeedbackReference.of(reference) for reference in found.references],
            has_late_corrections=found.has_late_corrections,
            version=found.version,
            reason=found.reason,
            computed_at=found.computed_at,
        )


class TargetGroupFeedback(ResponseModel):
    target_group: str
    target_group_name: Annotated[str, Field(examples=["2de leerjaar A-stroom"])]
    components: list[ComponentFeedback]


class SchoolFeedback(ResponseModel):
    """The released figures of a school in one administration."""

    self_link: Annotated[Link, Field(alias="self")]
    administration_id: str
    school_id: str
    target_groups: list[TargetGroupFeedback]

    @classmethod
    def of(
        cls,
        found: Sequence[figures.SchoolFeedback],
        school_id: str,
        administration_id: str,
        links: Links,
    ) -> Self:
        return cls(
            self_link=links.feedback(school_id, administration_id),
            administration_id=administration_id,
            school_id=school_id,
            target_groups=[
                TargetGroupFeedback(
                    target_group=one.target_group,
                    target_group_name=one.target_group_name,
                    components=[ComponentFeedback.of(component) for component in one.components],
                )
                for one in found
            ],
        )


class FeedbackVersion(ResponseModel):
    """A version of the figures of a component."""

    component: Annotated[str, Field(description="Code of the component.")]
    version: Annotated[int, Field(ge=1)]
    reason: VersionReason
    computed_at: ResponseDateTime

    @classmethod
    def of(cls, row: VersionRow) -> Self:
        return cls(**row._asdict())


class FeedbackVersionPage(Page):
    items: list[FeedbackVersion]


def _mean(mean: figures.MeanScore) -> MeanScore:
    return MeanScore(value=mean.value, standard_error=mean.standard_error)
