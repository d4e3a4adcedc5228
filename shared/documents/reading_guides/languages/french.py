"""The reading guide in French."""

from shared.documents.fiche_texts import Advice
from shared.documents.reading_guides.guide_texts import (
    BackTexts,
    FrontTexts,
    GuideTexts,
    StatusMeanings,
)

FRENCH = GuideTexts(
    language="fr",
    name="Français",
    dutch_name="Frans",
    title="Comment lire la fiche",
    introduction=(
        "L’élève a passé un test à l’école. L’école vous donne une fiche avec le résultat. Elle est"
        " en néerlandais. Ce guide montre où se trouve chaque information. Cherchez le numéro sur"
        " le dessin, puis lisez le texte qui porte le même numéro."
    ),
    front=FrontTexts(
        title="Le recto",
        alternative="Dessin du recto d’une fiche, avec les numéros {first} à {last}.",
        student="Le nom de l’élève. En dessous, des numéros qui n’appartiennent qu’à cet élève.",
        facts="Classe, école, implantation, année, jours du test et année scolaire.",
        subjects=(
            "Les matières\u00a0: néerlandais et mathématiques. Une matière a une ou plusieurs"
            " parties. Chaque partie a son propre niveau."
        ),
        scale=(
            "Tous les niveaux, du plus bas au plus haut. La case foncée est le niveau de l’élève."
        ),
        description=(
            "Le niveau, et ce qu’un élève sait faire à ce niveau. Ce texte est en néerlandais."
            " L’enseignant peut vous l’expliquer."
        ),
        goals=(
            "Est-ce suffisant\u00a0? La ligne commence au niveau où un objectif est atteint. Le"
            " premier objectif est ce dont chaque élève a besoin dans la vie. Le second est fixé"
            " par la loi. Certains tests n’ont pas ces objectifs."
        ),
        no_level="Ici, il n’y a pas de niveau. Le mot à côté dit pourquoi.",
        tips="Quatre conseils. Ils sont en français à la page suivante.",
    ),
    back=BackTexts(
        title="Le verso",
        alternative="Dessin du verso d’une fiche, avec les numéros {first} à {last}.",
        levels=(
            "Chaque niveau en mots, du plus bas au plus haut. Sans niveau, il n’y a pas de verso."
        ),
        next_step=(
            "La case foncée est le niveau de l’élève. La case en pointillés est la prochaine étape."
        ),
        questions="Trois questions pour l’enseignant. Vous les trouvez ci-dessous.",
        viewing=(
            "L’élève peut venir voir ce qui était juste ou faux. C’est à Bruxelles et c’est"
            " gratuit. L’école inscrit l’élève."
        ),
    ),
    tips_title="Quatre conseils",
    tips=(
        Advice(
            "Pas une note",
            "Un niveau n’est pas une note. Il dit ce que quelqu’un sait déjà faire.",
        ),
        Advice(
            "Pas de comparaison",
            "Le niveau ne compare l’élève à personne. La lettre n’est pas celle d’un autre test.",
        ),
        Advice(
            "Un seul jour",
            "Le test montre ce qui a réussi ce jour-là. L’enseignant voit bien plus, chaque jour."
            " Cela compte aussi.",
        ),
        Advice(
            "Des questions\u00a0?",
            "Parlez avec l’école. Elle connaît l’élève et vous aide volontiers.",
        ),
    ),
    statuses=StatusMeanings(
        title="S’il n’y a pas de niveau",
        absent="L’élève n’était pas là pour cette partie.",
        exempt="L’élève ne devait pas faire cette partie. L’école peut dire pourquoi.",
        not_completed="Cette partie n’est pas terminée. Ce n’est pas la faute de l’élève.",
        not_assigned="Cette partie n’était pas prévue dans le test de cet élève.",
        withheld="Nous ne donnons pas de niveau ici. L’école peut en dire plus.",
        withdrawn="Ce niveau ne compte plus. L’école peut dire pourquoi.",
    ),
    questions_title="Trois questions pour l’enseignant",
    questions_introduction="Posez-les en néerlandais, ou montrez-les du doigt ici.",
    questions=(
        "Qu’est-ce qui va déjà bien\u00a0?",
        "Quelle est la prochaine étape\u00a0?",
        "Comment pouvons-nous aider à la maison\u00a0?",
    ),
    version="version",
    page="page",
    read_on="suite à la page",
)
