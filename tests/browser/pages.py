"""The views of the portal, and their paths for a class group, a component and a registration."""

VIEWS = {
    "start": "/",
    "klassen": "/klassen",
    "klas": "/klassen/klas?klas={group}",
    "fiches": "/fiches",
    "overhandigen": "/overhandigen",
    "overhandigen-klas": "/overhandigen/klas?klas={group}",
    "lijst": "/overhandigen/lijst?klas={group}",
    "overzicht": "/overzicht",
    "schoolfeedback": "/schoolfeedback",
    "schoolfeedback-klassen": "/schoolfeedback/klassen?onderdeel={component}",
    "inzage": "/inzage",
    "inzage-inschrijven": "/inzage/moment?leerling={student}",
    "inzage-wijzigen": "/inzage/moment?inschrijving={registration}",
    "delen": "/delen",
    "wie-keek": "/wie-keek",
    "hulp": "/hulp",
}
DESK_VIEWS = {
    "balie": "/balie",
    "balie-bezoek": "/balie/bezoek?inschrijving={visit}",
    "balie-onderdeel": "/balie/onderdeel?inschrijving={visit}&onderdeel={part}",
}
"""The views of a viewing officer."""
