"""The texts of a reading guide in one language, as data.

A guide explains the lay-out of a Dutch fiche. The Dutch words that it shows are those of the fiche
(`shared/documents/fiche_texts.py`), so no explanation repeats them.
"""

from dataclasses import dataclass

from shared.documents.fiche_texts import Advice


@dataclass(frozen=True, slots=True)
class FrontTexts:
    """The meanings of the numbered places of the front, in the order of their numbers.

    `alternative` is for someone who does not see the picture, with the `first` and `last` number.
    """

    title: str
    alternative: str
    student: str
    facts: str
    subjects: str
    scale: str
    description: str
    goals: str
    no_level: str
    tips: str


@dataclass(frozen=True, slots=True)
class BackTexts:
    """The meanings of the numbered places of the back, as in `FrontTexts`."""

    title: str
    alternative: str
    levels: str
    next_step: str
    questions: str
    viewing: str


@dataclass(frozen=True, slots=True)
class StatusMeanings:
    """The meanings of the words that a fiche has in place of a level."""

    title: str
    absent: str
    exempt: str
    not_completed: str
    not_assigned: str
    withheld: str
    withdrawn: str


@dataclass(frozen=True, slots=True)
class GuideTexts:
    """The texts of a guide; `language` is a BCP 47 tag, `name` the language in its own words.

    The questions are those of the fiche, in the same order.
    """

    language: str
    name: str
    dutch_name: str
    title: str
    introduction: str
    front: FrontTexts
    back: BackTexts
    tips_title: str
    tips: tuple[Advice, Advice, Advice, Advice]
    statuses: StatusMeanings
    questions_title: str
    questions_introduction: str
    questions: tuple[str, str, str]
    version: str
    page: str
    read_on: str
