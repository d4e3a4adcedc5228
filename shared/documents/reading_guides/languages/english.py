"""The reading guide in English."""

from shared.documents.fiche_texts import Advice
from shared.documents.reading_guides.guide_texts import (
    BackTexts,
    FrontTexts,
    GuideTexts,
    StatusMeanings,
)

ENGLISH = GuideTexts(
    language="en",
    name="English",
    dutch_name="Engels",
    title="How to read the result sheet",
    introduction=(
        "The student took a test at school. The school gives you a sheet with the result. It is"
        " in Dutch. This guide shows what is where. Find the number in the picture and read the"
        " text with the same number."
    ),
    front=FrontTexts(
        title="The front",
        alternative="Picture of the front of a sheet, with the numbers {first} to {last}.",
        student="The name of the student. Below it are numbers that belong to this student only.",
        facts="Class, school, site, year, days of the test and school year.",
        subjects=(
            "The subjects: Dutch and mathematics. A subject has one or more parts. Each part has"
            " its own level."
        ),
        scale="All levels, from the lowest to the highest. The dark box is the student’s level.",
        description=(
            "The level, and what a student can do at it. This text is in Dutch. Ask the teacher to"
            " explain it."
        ),
        goals=(
            "Is it enough? The line starts at the level where a goal is reached. The first goal is"
            " what every student needs in daily life. The second is what the law asks of a"
            " student. Not every test has these goals."
        ),
        no_level="There is no level here. The word next to it says why.",
        tips="Four tips. The next page has them in English.",
    ),
    back=BackTexts(
        title="The back",
        alternative="Picture of the back of a sheet, with the numbers {first} to {last}.",
        levels="All levels in words, from low to high. A sheet without any level has no back.",
        next_step=(
            "The dark box is the student’s level. The box with a broken line is the next step."
        ),
        questions="Three questions for the teacher. You find them below.",
        viewing=(
            "The student may come and see which answers were right. This is in Brussels. It is"
            " free. The school registers the student."
        ),
    ),
    tips_title="Four tips",
    tips=(
        Advice("Not a mark", "A level is not a mark. It says what someone can do now."),
        Advice(
            "No comparison",
            "The level compares the student with nobody. The letter is not the letter of another"
            " test.",
        ),
        Advice(
            "Just one day",
            "The test shows what went well that day. The teacher sees much more, every day. That"
            " counts too.",
        ),
        Advice("Questions?", "Talk to the school. It knows the student and is glad to help."),
    ),
    statuses=StatusMeanings(
        title="If there is no level",
        absent="The student was not there for this part.",
        exempt="The student did not have to take this part. The school can say why.",
        not_completed="This part is not finished. The student is not to blame.",
        not_assigned="This part did not belong to this student’s test.",
        withheld="We give no level for this part. The school can say more.",
        withdrawn="This level no longer counts. The school can say why.",
    ),
    questions_title="Three questions for the teacher",
    questions_introduction="You can ask them in Dutch, or point at them here.",
    questions=(
        "What is going well already?",
        "What is the next step?",
        "How can we help with it at home?",
    ),
    version="version",
    page="page",
    read_on="read on at page",
)
