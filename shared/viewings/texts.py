"""The Dutch texts of confirmations and calendar entries, which families read."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ConfirmationTexts:
    """The texts of a confirmation in one language; `version` is part of its template version."""

    language: str
    version: str
    title: str
    introduction: str
    when: str
    where: str
    school: str
    days: tuple[str, ...]
    period: str
    code: str
    code_use: str
    code_alternative: str
    bring_title: str
    bring: tuple[str, ...]
    companions: str
    no_companion: str
    one_companion: str
    some_companions: str
    see_title: str
    see: tuple[str, ...]
    absence_title: str
    absence: tuple[str, ...]
    page: str
    read_on: str


CONFIRMATION: Final = ConfirmationTexts(
    language="nl-BE",
    version="2",
    title="Bevestiging van inzage",
    introduction="Je bent ingeschreven om je eigen Vlaamse toetsen in te kijken.",
    when="Wanneer",
    where="Waar",
    school="School",
    days=(*("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"),),
    period="{weekday} {day}\nvan {start} tot {end} uur",
    code="Jouw code",
    code_use="Toon deze code aan de balie.",
    code_alternative="QR-code met jouw code {code}",
    bring_title="Breng mee",
    bring=(
        "Je identiteitskaart: zonder identiteitskaart kan je je toetsen niet inkijken.",
        "Deze bevestiging, op papier of op een scherm.",
    ),
    companions="Begeleiders",
    no_companion="Je komt alleen.",
    one_companion="Er komt één begeleider met je mee.",
    some_companions="Er komen {count} begeleiders met je mee.",
    see_title="Wat je te zien krijgt",
    see=(
        "Per opgave zie je of je antwoord juist of fout was.",
        "Je krijgt geen punten, geen kopie en geen foto mee naar huis.",
    ),
    absence_title="Kan je niet komen?",
    absence=("Vraag je school om een ander moment te kiezen of om af te zeggen.",),
    page="Pagina",
    read_on="Lees verder op pagina",
)
CALENDAR_SUMMARY: Final = "Inzage in de Vlaamse toetsen"
CALENDAR_DESCRIPTION: Final = "Breng je identiteitskaart en je bevestiging mee."
