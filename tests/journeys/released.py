"""Releases, an opening that waits for approval, and a succession that waits for it."""

import json
import time
from datetime import UTC, datetime, timedelta

import httpx

from services.cli.target import sessions_of, settings_for
from shared.core.unit_of_work import UnitOfWork
from tests.journeys.conftest import Instance
from tests.predecessors import add_predecessor

ADMINISTRATION = "2024"


def release(instance: Instance, operator: httpx.Client) -> dict[str, str]:
    """Release student feedback and test viewing; verify another opening, to be approved."""
    for product in ("studentFeedback", "testViewing"):  # fiches name the days of test viewing
        opens_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=40)
        of = ("--administration", ADMINISTRATION, "--product", product)
        instance.cli("release", "rehearse", *of, "--opens-at", opens_at.isoformat())
        time.sleep(max(0.0, (opens_at - datetime.now(UTC)).total_seconds() + 0.5))
    path = f"/v1/releasePlans/{ADMINISTRATION}"
    present = operator.get(path)
    opened = present.json()["windows"]
    windows = [{name: one[name] for name in ("product", "opensAt")} for one in opened]
    later = (opens_at + timedelta(days=1)).isoformat()
    windows.append({"product": "schoolFeedback", "opensAt": later})
    version = {"If-Match": present.headers["ETag"]}
    planned = operator.put(path, json={"windows": windows}, headers=version)
    (opening,) = planned.json()["changedOpenings"]
    instance.cli("release", "verify", opening)
    manifest = operator.get(f"/v1/openings/{opening}/manifest").json()
    recalled = {"administrationId": ADMINISTRATION, "product": "schoolFeedback", "reason": "test"}
    recall = operator.post("/v1/recalls", json=recalled).json()["items"][0]
    return {
        "manifestHash": manifest["hash"],
        "openingId": opening,
        "planVersion": planned.headers["ETag"],
        "planWindows": json.dumps(windows),
        "recallId": recall["id"],
        "windowId": opened[0]["id"],
    }


def confirm_once(instance: Instance, operator: httpx.Client, former: str, school: str) -> str:
    """Let one person confirm that a school has succeeded a former one; return the id of that."""
    settings = settings_for(instance.data, "owner")
    with sessions_of(settings) as sessions, UnitOfWork(sessions) as unit:
        add_predecessor(unit.session, former, school)
    pair = {"successorId": school, "predecessorId": former}
    return str(operator.post("/v1/successions", json=pair).json()["id"])
