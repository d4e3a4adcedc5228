"""The reading guide in German."""

from shared.documents.fiche_texts import Advice
from shared.documents.reading_guides.guide_texts import (
    BackTexts,
    FrontTexts,
    GuideTexts,
    StatusMeanings,
)

GERMAN = GuideTexts(
    language="de",
    name="Deutsch",
    dutch_name="Duits",
    title="So lesen Sie das Ergebnisblatt",
    introduction=(
        "In der Schule gab es einen Test. Die Schule gibt Ihnen ein Blatt mit dem Ergebnis. Es ist"
        " auf Niederländisch. Hier sehen Sie, was wo steht. Suchen Sie die Nummer im Bild. Lesen"
        " Sie dann den Text mit derselben Nummer."
    ),
    front=FrontTexts(
        title="Die Vorderseite",
        alternative="Bild der Vorderseite eines Blattes, mit den Nummern {first} bis {last}.",
        student="Der Name des Kindes. Darunter stehen Nummern, die nur zu diesem Kind gehören.",
        facts="Klasse, Schule, Standort, Schulstufe, Tage des Tests und Schuljahr.",
        subjects=(
            "Die Fächer: Niederländisch und Mathematik. Ein Fach hat einen oder mehrere Teile."
            " Jeder Teil hat sein eigenes Niveau."
        ),
        scale=(
            "Alle Niveaus, vom niedrigsten zum höchsten. Das dunkle Kästchen ist das Niveau des"
            " Kindes."
        ),
        description=(
            "Das Niveau und was ein Kind auf diesem Niveau kann. Der Text ist auf Niederländisch."
            " Die Lehrkraft erklärt ihn gern."
        ),
        goals=(
            "Reicht das? Die Linie beginnt bei dem Niveau, das ein Ziel erreicht. Das erste Ziel"
            " ist, was jedes Kind im Alltag braucht. Das zweite steht im Gesetz. Nicht jeder Test"
            " hat diese Ziele."
        ),
        no_level="Hier gibt es kein Niveau. Das Wort daneben sagt, warum.",
        tips="Vier Tipps. Auf der nächsten Seite stehen sie auf Deutsch.",
    ),
    back=BackTexts(
        title="Die Rückseite",
        alternative="Bild der Rückseite eines Blattes, mit den Nummern {first} bis {last}.",
        levels=(
            "Alle Niveaus in Worten, vom niedrigsten zum höchsten. Ein Blatt ohne Niveau hat keine"
            " Rückseite."
        ),
        next_step=(
            "Das dunkle Kästchen ist das Niveau des Kindes. Das gestrichelte Kästchen ist der"
            " nächste Schritt."
        ),
        questions="Drei Fragen an die Lehrkraft. Sie stehen auch hier unten.",
        viewing=(
            "Das Kind darf sehen, was richtig und was falsch war. Das ist in Brüssel und kostet"
            " nichts. Die Schule meldet das Kind an."
        ),
    ),
    tips_title="Vier Tipps",
    tips=(
        Advice("Keine Note", "Ein Niveau ist keine Note. Es sagt, was jemand schon kann."),
        Advice(
            "Kein Vergleich",
            "Das Niveau vergleicht das Kind mit niemandem. Der Buchstabe ist nicht der eines"
            " anderen Tests.",
        ),
        Advice(
            "Nur ein Tag",
            "Der Test zeigt, was an diesem Tag gelang. Die Lehrkraft sieht jeden Tag viel mehr."
            " Auch das zählt.",
        ),
        Advice("Fragen?", "Sprechen Sie mit der Schule. Sie kennt das Kind und hilft gern."),
    ),
    statuses=StatusMeanings(
        title="Wenn kein Niveau da ist",
        absent="Das Kind war bei diesem Teil nicht da.",
        exempt="Das Kind musste diesen Teil nicht machen. Die Schule sagt Ihnen, warum.",
        not_completed="Dieser Teil ist nicht fertig. Das Kind kann nichts dafür.",
        not_assigned="Dieser Teil gehörte nicht zum Test dieses Kindes.",
        withheld="Zu diesem Teil geben wir kein Niveau an. Die Schule weiß mehr.",
        withdrawn="Dieses Niveau zählt nicht mehr. Die Schule sagt Ihnen, warum.",
    ),
    questions_title="Drei Fragen an die Lehrkraft",
    questions_introduction="Fragen Sie auf Niederländisch, oder zeigen Sie hier auf die Frage.",
    questions=(
        "Was klappt schon gut?",
        "Was ist der nächste Schritt?",
        "Wie können wir zu Hause helfen?",
    ),
    version="Version",
    page="Seite",
    read_on="weiter auf Seite",
)
