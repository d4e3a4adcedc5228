"""Random fiches of every kind, by seed."""

from dataclasses import replace
from datetime import date
from random import Random

from shared.documents.content import (
    STATUSES,
    AdministrationFacts,
    ComponentOutcome,
    FicheContent,
    Level,
    SchoolFacts,
    SubjectSection,
)
from shared.documents.viewing_periods import ViewingPeriod
from tests.worker.contents import ADMINISTRATION, NASTY_NAMES, READS, VIEWING

SCALES = (
    tuple(Level(code, f"Niveau {code}", place) for place, code in enumerate("EDCBA", start=1)),
    tuple(
        Level(code, f"Niveau {code}", place, place > 1, place > 2)
        for place, code in enumerate("EDCBA", start=1)
    ),
    tuple(
        Level(code, code.capitalize(), place, attains_basic_literacy=place > 1)
        for place, code in enumerate(("STARTEND", "BASIS", "GEVORDERD", "EXPERT"), start=1)
    ),
    (Level("V", "Voldoende", 1), Level("G", "Goed", 2)),
    (Level("Z", "Enig niveau", 1),),
    tuple(Level(f"N{place}", "Stap " + "i" * place, place) for place in range(1, 8)),
)
TARGET_GROUPS = (
    "4de leerjaar lager onderwijs",
    "6de leerjaar lager onderwijs",
    "2de leerjaar secundair onderwijs, A-stroom",
    "2de leerjaar secundair onderwijs, B-stroom",
    "6de leerjaar secundair onderwijs, finaliteit doorstroom/arbeidsmarkt",
)
NAMES = (
    *NASTY_NAMES,
    *("Žofie", "Noor", "Çağla", "Łukasz", "Ștefan", "Đorđe", "Søren", "Þóra", "Mei-Lin"),
    *("Νίκος", "Тетяна", "Nguyễn", "x\u0302\u0323y\u0308\u0301", "O\u2019Hara", "ﬁ ﬀ", "W" * 100),
    *("Jean-Baptiste de la Croix van Steenbergen-Vanderhaeghe tot Oudenaarde", "\u02bbOkina", "Ǧ"),
)
TEXTS = (
    None,
    "",
    "Kan dit.",
    READS,
    "Rekent met ≤, \u00d7 en √; schrijft „zo” \u2013 of zo… en leest Ελληνικά.",
    " ".join([READS] * 4),
    "Leest.\nSchrijft.\n\nRekent (ook met haakjes \\ en schuine strepen).",
)
VIEWINGS = (None, (), VIEWING, (ViewingPeriod(date(2025, 6, 25), None),))
_WILD, _LAST_SCRIPT = 0.1, 0x2C00


def _outcome(random: Random, number: int) -> ComponentOutcome:
    scale = random.choice(SCALES)
    status = random.choices(STATUSES, (20, 2, 2, 2, 2, 2, 2))[0]
    level = random.choice(scale) if status == "reported" else None
    return ComponentOutcome(
        component=f"C{number}",
        name=random.choice(("Lezen", "Wiskundige problemen oplossen", "Meetkunde & €", "W" * 60)),
        position=number,
        status=status,
        scale=scale,
        level=level,
        descriptions=tuple(random.choice(TEXTS) for _ in scale) if level else (),
    )


def any_fiche(seed: int, most: int = 3) -> FicheContent:
    """Return the fiche of a seed, with at most `most` components per subject."""
    random = Random(seed)  # noqa: S311  # test data, not a secret
    counts = [random.randint(1, most) for _ in range(random.randint(1, 2))]
    sections, number = [], 0
    for subject, count in zip(("nederlands", "wiskunde"), counts, strict=False):
        outcomes = tuple(_outcome(random, number + place) for place in range(count))
        sections.append(SubjectSection(subject, outcomes))
        number += count
    administration = AdministrationFacts(
        "2025",
        "Vlaamse toetsen <2025> & (meer)",
        "2024-2025",
        ADMINISTRATION.tested_from_on,
        ADMINISTRATION.tested_until_on,
    )
    return FicheContent(
        stamnummer=random.choice((None, f"{random.randrange(10**7):07}")),
        document_number=f"{random.getrandbits(48):010X}"[:10],
        administration=random.choice((ADMINISTRATION, administration)),
        school=SchoolFacts("000028", random.choice(("De Kameleon", "Ëcole Šumava", "S" * 90)), ""),
        target_group_name=random.choice(TARGET_GROUPS),
        class_group=random.choice(("4A", "1ste jaar (b)", "Ω-klas", "K" * 60)),
        site_name=random.choice((None, "", "Hoofdvestiging", "Vestiging Çankaya")),
        given_name=random.choice(NAMES),
        family_name=random.choice(NAMES),
        sections=tuple(sections),
        viewing_periods=random.choice(VIEWINGS),
    )


def wild_fiche(seed: int) -> FicheContent:
    """Return a fiche of up to eight components, sometimes with any script or an endless text."""
    random = Random(seed)  # noqa: S311  # the same
    content = any_fiche(seed, most=4)
    if random.random() < _WILD:
        letters = "".join(chr(random.randrange(ord(" "), _LAST_SCRIPT)) for _ in range(3))
        content = replace(content, family_name=f"Wild{letters}")
    if random.random() < _WILD:
        first, *others = content.sections
        outcome, *rest = first.outcomes
        if outcome.level:
            text = " ".join([READS] * random.randrange(5, 150))
            endless = replace(outcome, descriptions=(text, *outcome.descriptions[1:]))
            sections = (SubjectSection(first.subject, (endless, *rest)), *others)
            content = replace(content, sections=sections)
    return content
