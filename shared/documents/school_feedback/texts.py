"""The texts of the documents of school feedback in Dutch, as data, for a head teacher."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shared.documents.fiche_texts import Advice
from shared.school_feedback.figures import ReferenceKind, ReferenceName


@dataclass(frozen=True, slots=True)
class Sign:
    """The sign of a row or a column, and its name."""

    sign: str
    name: str

    @property
    def text(self) -> str:
        return f"{self.sign} {self.name}"


@dataclass(frozen=True, slots=True)
class SentenceTexts:
    """Sentences about one component, with places for numbers, levels and shares."""

    nothing_shown: str
    basic_literacy: str
    final_objectives: str
    flanders: str
    per_level: str
    at_level: str
    late_corrections: str


@dataclass(frozen=True, slots=True)
class ReadingTexts:
    """One short sentence next to each table: how to read it, and whom to ask."""

    levels: str
    attainment: str
    class_groups: str
    hidden: str
    questions: str


@dataclass(frozen=True, slots=True)
class NotTestedTexts:
    """Students without a level, by status; `few` is in place of a number below five."""

    lead: str
    absent: str
    exempt: str
    not_completed: str
    not_assigned: str
    few: str


@dataclass(frozen=True, slots=True)
class SchoolFeedbackTexts:
    """The texts of the workbook and the report. `version` is part of both template versions."""

    version: str
    title: str
    report_file: str
    workbook_file: str
    third_parties: Advice
    guide_sheet: str
    calibration: str
    group: str
    school: Sign
    references: Mapping[ReferenceName, Sign]
    kinds: Mapping[ReferenceKind, str]
    similar: str
    class_group: str
    level: str
    students: str
    count: str
    share: str
    hidden: str
    attainment: str
    basic_literacy: str
    final_objectives: str
    mean: str
    standard_error: str
    of: str
    figures_version: str
    sentences: SentenceTexts
    reading: ReadingTexts
    not_tested: NotTestedTexts


DUTCH_SCHOOL_FEEDBACK = SchoolFeedbackTexts(
    version="nl-2",
    title="Schoolfeedback",
    report_file="Schoolfeedback",
    workbook_file="Schoolfeedback cijfers",
    third_parties=Advice(
        "Niet voor derden",
        "Resultaten van groepen leerlingen mogen niet aan derden worden meegedeeld. Gebruik deze"
        " cijfers alleen binnen de school.",
    ),
    guide_sheet="Leeswijzer",
    calibration="Kalibratie",
    group="Groep",
    school=Sign("●", "Onze school"),
    references=MappingProxyType(
        {
            ReferenceName.FLANDERS: Sign("□", "Vlaanderen"),
            ReferenceName.SIMILAR: Sign("△", "Vergelijkbare scholen"),
        }
    ),
    kinds=MappingProxyType(
        {
            ReferenceKind.DELIVERED: "Berekend door het steunpunt: {names}.",
            ReferenceKind.COMPUTED: "Berekend uit de resultaten van alle deelnemende scholen:"
            " {names}.",
        }
    ),
    similar="Vergelijkbare scholen zijn berekend: het zijn geen bestaande scholen.",
    class_group="Klas",
    level="Niveau",
    students="{count} leerlingen",
    count="Aantal leerlingen",
    share="Deel van de leerlingen",
    hidden="niet getoond",
    attainment="Bereikt",
    basic_literacy="Basisgeletterdheid",
    final_objectives="Eindtermen",
    mean="Gemiddelde schaalscore",
    standard_error="Het getal na ± is de standaardfout: hoe groter, hoe minder zeker het"
    " gemiddelde.",
    of="{count} van {students}",
    figures_version="Versie {version} van de cijfers.",
    sentences=SentenceTexts(
        nothing_shown="Van dit onderdeel worden geen cijfers getoond.",
        basic_literacy="De basisgeletterdheid is bereikt door {count} van de {students} leerlingen"
        " met een niveau.",
        final_objectives="De eindtermen zijn bereikt door {count} van de {students} leerlingen met"
        " een niveau.",
        flanders="In Vlaanderen bereikt {share} van de leerlingen de eindtermen.",
        per_level="Van de {students} leerlingen met een niveau haalden er {levels}.",
        at_level="{count} {level}",
        late_corrections="Latere correcties zijn niet in deze cijfers verwerkt.",
    ),
    reading=ReadingTexts(
        levels="Een niveau beschrijft wat een leerling kan: {level} is niet het gemiddelde, en geen"
        " plaats in een rangorde.",
        attainment="Lees dit als een aanleiding voor gesprek: één leerling meer of minder"
        " verandert het beeld van een kleine school.",
        class_groups="In een kleine klas weegt elke leerling zwaar: een verschil tussen klassen"
        " zegt weinig over het onderwijs.",
        hidden="Een rij met „niet getoond” laat geen cijfers zien: daarmee zou het resultaat van"
        " een leerling bekend kunnen worden.",
        questions="Vragen over deze cijfers? Stel ze aan het steunpunt, via Mijn Onderwijs.",
    ),
    not_tested=NotTestedTexts(
        lead="Zonder niveau:",
        absent="afwezig {count}",
        exempt="vrijgesteld {count}",
        not_completed="niet voltooid {count}",
        not_assigned="Voor {count} leerlingen was dit onderdeel niet bedoeld.",
        few="minder dan 5",
    ),
)
