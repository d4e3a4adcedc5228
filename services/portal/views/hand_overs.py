"""Hand-overs: the state per class group and student, to record and to withdraw."""

from starlette.responses import Response

from services.portal.views.hand_over_counts import read_counts
from services.portal.visits import Visit

PAGE = "/overhandigen/klas"
MAX_STUDENTS = 200
MEANS = {"digitaal": "digital", "afgedrukt": "printed"}


def show_hand_overs(visit: Visit) -> Response:
    groups = read_counts(visit) if visit.administration else []
    return visit.page("hand_overs.html", "hand_overs", groups=groups)


def show_hand_overs_of_class(visit: Visit) -> Response:
    return _show_class(visit, "hand_over_class.html", only_open=visit.value("toon") == "open")


def show_sign_list(visit: Visit) -> Response:
    return _show_class(visit, "sign_list.html", only_open=visit.value("toon") == "open")


def record(visit: Visit) -> Response:
    """Record hand-overs to the chosen students, or to the whole class group."""
    group, means = visit.class_group(), MEANS.get(visit.value("wijze"), "printed")
    body: dict[str, object] = {"administrationId": visit.administration_id, "means": means}
    if visit.value("wie") == "klas":
        body["classGroup"] = group
    else:
        body["studentIds"] = list(visit.form.get("leerling", []))[:MAX_STUDENTS]
    if body.get("studentIds") == []:
        visit.session.notice = {"text": "nothing_selected", "n": 0, "ids": []}
    else:
        recorded = visit.api.request("POST", "/v1/handOvers", body) or {}
        ids = recorded["handOverIds"][:MAX_STUDENTS]
        text = {0: "recorded_none", 1: "recorded_one"}.get(len(ids), "recorded")
        visit.session.notice = {"text": text, "n": len(ids), "ids": ids}
    return visit.redirect(PAGE, afname=visit.administration_id, klas=group)


def withdraw(visit: Visit) -> Response:
    """Withdraw hand-overs that were recorded by mistake."""
    ids = list(visit.form.get("overhandiging", []))[:MAX_STUDENTS]
    visit.api.send("POST", "/v1/handOvers/withdraw", {"handOverIds": ids})
    visit.session.notice = {"text": "withdrawn", "n": len(ids), "ids": []}
    return visit.redirect(PAGE, afname=visit.administration_id, klas=visit.class_group())


def _show_class(visit: Visit, template: str, *, only_open: bool) -> Response:
    name = visit.class_group()
    path = visit.school_path("handOvers", classGroup=name, pageSize=200)
    everyone = list(visit.api.items(path))
    due = [one for one in everyone if one["state"] != "done"]
    return visit.page(
        template,
        "hand_overs",
        name=name,
        fiches=due if only_open else everyone,
        total=len(everyone),
        due=len(due),
        only_open=only_open,
    )
