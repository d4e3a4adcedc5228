"""The texts of a hand-out list in Dutch, as data, for the office of a school."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shared.documents.fiche_texts import Advice
from shared.documents.hand_out_lists.content import MissingReason


@dataclass(frozen=True, slots=True)
class MissingFicheTexts:
    """The texts of a reason: a name of a few words, what it means, and what the school can do."""

    name: str
    explanation: str
    remedy: str


@dataclass(frozen=True, slots=True)
class HandOutTexts:
    """The texts of a hand-out list.

    Columns are in the order of the table. The `summary` texts have places for numbers of students,
    and `no_fiche` one for the name of the reason.
    """

    title: str
    summary: str
    summary_of_one: str
    summary_missing: str
    third_parties: Advice
    columns: tuple[str, str, str, str]
    no_fiche: str
    guide_title: str
    guide: tuple[str, ...]
    missing_title: str
    missing: Mapping[MissingReason, MissingFicheTexts]


DUTCH_HAND_OUT = HandOutTexts(
    title="Uitdeellijst",
    summary="{students} leerlingen, {fiches} met een fiche.",
    summary_of_one="Eén leerling, {fiches} met een fiche.",
    summary_missing="{missing} zonder fiche: de reden staat erbij.",
    third_parties=Advice(
        "Niet voor derden",
        "Geef een fiche alleen aan de leerling zelf en aan de ouders: zij hebben er recht op."
        " Resultaten van leerlingen of van groepen leerlingen mogen niet aan derden worden"
        " meegedeeld.",
    ),
    columns=("Leerling", "Stamnummer", "Nummer fiche", "Gegeven, handtekening"),
    no_fiche="Geen fiche: {reason}",
    guide_title="Zo deel je de fiches uit",
    guide=(
        "Vergelijk naam en nummer. Het nummer staat op de fiche onder de naam.",
        "Geef elke fiche aan de leerling of aan de ouders, op papier of digitaal.",
        "Kruis aan wie de fiche kreeg. Er is plaats voor een handtekening als de school die wil.",
        "Bewaar deze lijst op school, waar anderen er niet bij kunnen.",
    ),
    missing_title="Leerlingen zonder fiche",
    missing=MappingProxyType(
        {
            MissingReason.WITHHELD: MissingFicheTexts(
                "Geen niveau",
                "Van deze leerling wordt geen niveau meegedeeld.",
                "Vraag het steunpunt naar de reden.",
            ),
            MissingReason.NOT_ASSIGNED: MissingFicheTexts(
                "Geen toets voorzien",
                "Geen deel van de toetsen was voor deze leerling bedoeld.",
                "Klopt dat niet? Meld het aan het steunpunt.",
            ),
            MissingReason.NO_RESULT: MissingFicheTexts(
                "Geen resultaat",
                "Er is geen resultaat van deze leerling.",
                "Nam de leerling wel deel? Meld het aan het steunpunt.",
            ),
            MissingReason.UNDRAWABLE_TEXT: MissingFicheTexts(
                "Teken niet af te drukken",
                "Een naam bevat een teken dat niet kan worden afgedrukt.",
                "Meld het aan het steunpunt. Met een andere schrijfwijze wordt de fiche gemaakt.",
            ),
            MissingReason.OVERFULL_FICHE: MissingFicheTexts(
                "Fiche niet gelukt",
                "De teksten over de toets passen niet op de fiche.",
                "Meld het aan het steunpunt. Met kortere teksten wordt de fiche gemaakt.",
            ),
        }
    ),
)
