"""What each operation could tell, and to whom it may, by the model."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.leaks.model import NOTHING, Keys, Knowledge, Requester

Ids = Mapping[str, str]
Topic = Callable[[Knowledge, Requester, Ids], Keys | None]
"""Return the keys that the response may tell about, none of them if it has to be the response
about nothing; None when the operation tells everyone with its scope the same."""

Json = Mapping[str, Any]
Told = Callable[[Ids, Json], Iterator[str]]
"""Yield the keys of results or figures that a response contains."""

Revelation = Callable[[Knowledge, Requester, str], bool]


def findings(_knowledge: Knowledge, _requester: Requester, secret: str) -> bool:
    """Show approvers the ids of students and documents at fault, and no name."""
    return not secret.startswith("name ")


def own_events(knowledge: Knowledge, requester: Requester, secret: str) -> bool:
    """Show a school which ids of its own were requested, also before their release."""
    facts = knowledge.facts
    found = (facts.students, facts.documents, facts.registrations)
    about = next((facts[secret] for facts in found if secret in facts), None)
    return about is not None and about.school == requester.school


def repeats_request(requester: Requester, item: Mapping[str, Any]) -> bool:
    """Return True for an event that has only what a caller of the school itself has sent."""
    is_own = item.get("callerSchoolId") == requester.school
    return is_own and item.get("outcome") == "refused" and not item.get("studentCount")


def results_told(_ids: Ids, page: Json) -> Iterator[str]:
    for item in page.get("items", ()):
        if "component" in item:
            yield f"{item.get('student', {}).get('id')}/{item['component']}"


def figures_told(ids: Ids, page: Json) -> Iterator[str]:
    for target_group in page.get("targetGroups", ()):
        for component in target_group["components"]:
            yield f"{ids['schoolId']}/{component['component']}"


def versions_told(ids: Ids, page: Json) -> Iterator[str]:
    for item in page.get("items", ()):
        yield f"{ids['schoolId']}/{item['component']}/{item['version']}"


def viewed_told(ids: Ids, page: Json) -> Iterator[str]:
    for item in page.get("items", ()):
        shown = page.get("component", item)
        yield f"{ids['registrationId']}/{shown['code']}"


def public(_knowledge: Knowledge, _requester: Requester, _ids: Ids) -> None:
    """Tell everyone the same."""


def schools(knowledge: Knowledge, requester: Requester, _ids: Ids) -> Keys | None:
    return knowledge.schools(requester)


def school(knowledge: Knowledge, requester: Requester, ids: Ids) -> Keys | None:
    reached = knowledge.schools(requester)
    return reached if reached is None else reached & {ids["schoolId"]}


def catalogue(knowledge: Knowledge, requester: Requester, _ids: Ids) -> Keys | None:
    return None if knowledge.schools(requester) != NOTHING else NOTHING


def students(knowledge: Knowledge, requester: Requester, ids: Ids) -> Keys:
    return knowledge.students(requester, ids["schoolId"])


def student(knowledge: Knowledge, requester: Requester, ids: Ids) -> Keys:
    return knowledge.students(requester) & {ids["studentId"]}


def results(knowledge: Knowledge, requester: Requester, ids: Ids) -> Keys:
    return knowledge.results(requester, ids["schoolId"])


def results_of_student(knowledge: Knowledge, requester: Requester, ids: Ids) -> Keys:
    found = knowledge.results(requester)
    return frozenset(one for one in found if one.startswith(ids["studentId"]))


def documents(knowledge: Knowledge, requester: Requester, ids: Ids) -> Keys:
    return knowledge.documents(requester, ids["schoolId"])


def document(knowledge: Knowledge, requester: Requester, ids: Ids) -> Keys:
    return knowledge.documents(requester) & {ids["documentId"]}


def versions(knowledge: Knowledge, requester: Requester, ids: Ids) -> Keys:
    return knowledge.figures(requester, ids["schoolId"])


def figures(knowledge: Knowledge, requester: Requester, ids: Ids) -> Keys:
    found = versions(knowledge, requester, ids)
    return frozenset(one.rpartition("/")[0] for one in found)


def registrations(knowledge: Knowledge, requester: Requester, _ids: Ids) -> Keys:
    return knowledge.registrations(requester)


def registration(knowledge: Knowledge, requester: Requester, ids: Ids) -> Keys:
    return knowledge.registrations(requester) & {ids["registrationId"]}


def visits(knowledge: Knowledge, requester: Requester, _ids: Ids) -> Keys:
    return knowledge.visits(requester)


def visit(knowledge: Knowledge, requester: Requester, ids: Ids) -> Keys:
    return knowledge.visits(requester) & {ids["registrationId"]}


def visit_with_code(knowledge: Knowledge, requester: Requester, ids: Ids) -> Keys:
    found = knowledge.facts.registrations
    return frozenset(one for one in knowledge.visits(requester) if found[one].code == ids["code"])


def viewed(knowledge: Knowledge, requester: Requester, ids: Ids) -> Keys:
    return knowledge.viewed(requester, ids["registrationId"])


def viewed_component(knowledge: Knowledge, requester: Requester, ids: Ids) -> Keys:
    return viewed(knowledge, requester, ids) & {f"{ids['registrationId']}/{ids['viewed']}"}


def entries(knowledge: Knowledge, requester: Requester, ids: Ids) -> Keys:
    return knowledge.entries(requester, ids["schoolId"])


def fiches(knowledge: Knowledge, requester: Requester, ids: Ids) -> Keys:
    return knowledge.fiches(requester, ids["schoolId"])


def fiche(knowledge: Knowledge, requester: Requester, ids: Ids) -> Keys:
    return knowledge.fiches(requester) & {ids["studentId"]}


def own(knowledge: Knowledge, requester: Requester, _ids: Ids) -> Keys:
    return knowledge.own(requester)


def own_of(name: str) -> Topic:
    def topic(knowledge: Knowledge, requester: Requester, ids: Ids) -> Keys:
        return knowledge.own(requester) & {ids[name]}

    return topic


def hand_over(knowledge: Knowledge, requester: Requester, ids: Ids) -> Keys:
    is_own = ids["handOverId"] in knowledge.own(requester)
    return knowledge.fiches(requester) if is_own else NOTHING


def link(knowledge: Knowledge, _requester: Requester, ids: Ids) -> Keys:
    """Tell the document of a link, while the caller that made the link may know it."""
    return knowledge.linked(ids["secret"])
