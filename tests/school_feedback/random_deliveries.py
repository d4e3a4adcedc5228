"""Random deliveries of small schools, which have every reason for hiding a row."""

import csv
from random import Random

from tests.deliveries.delivery_files import DeliveryFiles, full

LEVELS = ("E", "D", "C")
STATUSES = ("reported",) * 12 + ("absent", "exempt", "notCompleted", "notAssigned", "withheld")
COMPONENTS = ("LEZ4", "WIS4", "KAL4")


def random_delivery(seed: int, schools: int = 14, sequence: int = 1) -> DeliveryFiles:
    """Return a delivery of one target group, with classes of 1 to 16 students."""
    random = Random(seed)  # noqa: S311  # no secret
    delivery = full(sequence)
    for file in ("schools", "class_groups", "students", "results", "item_results"):
        del delivery.rows[f"{file}.csv"][1:]
    for number in range(1, schools + 1):
        school = f"{number:06d}"
        group = random.choice(("L1", "L1", "L2", ""))
        delivery.add("schools.csv", school, f"School {number}", "Gent", "211", group, "")
        for letter in "ABCD"[: random.randint(1, 4)]:
            name = f"4{letter}"
            delivery.add("class_groups.csv", school, name, "LO4", "1", "Hoofdvestiging")
            usual = random.choice(LEVELS)
            for place in range(random.choice((1, 2, 3, 4, 5, 6, 8, 11, 16))):
                student = f"{school}-{name}-{place}"
                delivery.add("students.csv", student, school, name, "Peeters", "An", "", "")
                for component in COMPONENTS:
                    delivery.add("results.csv", *_result(random, student, component, usual))
    delivery.rows["results.csv"][1:] = [row for row in delivery.rows["results.csv"][1:] if row[2]]
    return delivery


def _result(random: Random, student: str, component: str, usual: str) -> tuple[str, ...]:
    status = random.choice((*STATUSES, ""))
    if status != "reported":
        return student, component, status, "", ""
    level = usual if random.random() < 0.6 else random.choice(LEVELS)
    score = str(random.randint(1000, 3000) / 8) if random.random() < 0.9 else ""
    return student, component, status, level, score


def rows_of(delivery: DeliveryFiles, file: str) -> list[dict[str, str]]:
    return list(csv.DictReader(delivery.bytes_of(file).decode().splitlines()))
