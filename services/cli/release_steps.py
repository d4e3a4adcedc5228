"""The steps of a release as a registered person takes them, through the API."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, urlencode

from clients.python.api import Api
from services.cli.identity import ClientIdentity
from shared.core.errors import Conflict

POLL_SECONDS = 0.2
TIMEOUT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class ReleaseClient:
    """A session of one person with the API."""

    api: Api

    @classmethod
    @contextmanager
    def of(cls, identity: ClientIdentity) -> Iterator[Self]:
        with identity.session() as api:
            yield cls(api)

    def read_plan(self, administration: str) -> tuple[dict[str, Any], str]:
        """Return the plan of an administration, and its version."""
        response = self.api.send("GET", _plan_path(administration))
        return response.json(), response.headers["ETag"]

    def replace_plan(self, administration: str, plan: dict[str, Any]) -> dict[str, Any]:
        """Replace the plan that is stored now; return it with the openings that changed."""
        _, version = self.read_plan(administration)
        headers = {"If-Match": version}
        return dict(self.api.send("PUT", _plan_path(administration), plan, headers).json())

    def openings(self, administration: str) -> list[dict[str, Any]]:
        query = urlencode({"administrationId": administration, "pageSize": 200})
        return list(self.api.items(f"/v1/openings?{query}"))

    def opening(self, opening: str) -> dict[str, Any]:
        return self.api.read(f"/v1/openings/{opening}")

    def manifest(self, opening: str, number: int | None = None) -> dict[str, Any]:
        query = "" if number is None else f"?number={number}"
        return self.api.read(f"/v1/openings/{opening}/manifest{query}")

    def findings(self, opening: str) -> list[dict[str, Any]]:
        return list(self.api.items(f"/v1/openings/{opening}/findings?pageSize=200"))

    def verify(self, opening: str, report: Callable[[dict[str, Any]], None] | None = None) -> None:
        """Verify an opening, and wait until that is done.

        Raises:
            Conflict: when it could not be verified.
        """
        accepted = self.api.send("POST", f"/v1/openings/{opening}/verify")
        location = self.api.path_of(accepted.headers["Location"])
        ends_at = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < ends_at:
            job = self.api.send("GET", location).json()
            status = job["status"]
            if report is not None:
                report(job)
            if status["state"] == "failed":
                raise Conflict("jobFailed", status.get("problem", {}).get("detail", "It failed."))
            if status["state"] == "done":
                return
            time.sleep(POLL_SECONDS)
        raise Conflict("jobActive", "The verification still runs; see `toetsfeedback jobs`.")

    def approve(self, opening: str, manifest_hash: str) -> dict[str, Any]:
        body = {"manifestHash": manifest_hash}
        return dict(self.api.send("POST", f"/v1/openings/{opening}/approve", body).json())

    def recall(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        return list(self.api.send("POST", "/v1/recalls", body).json()["items"])

    def confirm_succession(self, successor: str, predecessor: str) -> dict[str, Any]:
        body = {"successorId": successor, "predecessorId": predecessor}
        return dict(self.api.send("POST", "/v1/successions", body).json())

    def revoke_succession(self, succession: str) -> dict[str, Any]:
        return dict(self.api.send("POST", f"/v1/successions/{succession}/revoke").json())

    def successions(self, school: str) -> list[dict[str, Any]]:
        return list(self.api.items(f"/v1/successions?schoolId={quote(school)}&pageSize=200"))


def _plan_path(administration: str) -> str:
    return f"/v1/releasePlans/{quote(administration, safe='')}"


def changes_of_manifest(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """Iterate over lines that say what a manifest has that an earlier one had not."""
    counts = before["counts"].keys() | after["counts"].keys()
    for name in sorted(counts):
        former, present = (one["counts"].get(name, 0) for one in (before, after))
        if former != present:
            yield f"{name}: {former} before, {present} now"
    old, new = before["content"], after["content"]
    if old["components"] != new["components"]:
        yield "components: " + ", ".join(one["code"] for one in new["components"])
    for delivery in new["deliveries"]:
        if delivery not in old["deliveries"]:
            yield f"delivery {delivery['reference']} ({delivery['mode']})"
    schools = [name for name in new["schools"] if old["schools"].get(name) != new["schools"][name]]
    if schools:
        yield f"other documents at {len(schools)} schools: {', '.join(schools[:10])}" + (
            " and more" if len(schools) > 10 else ""  # noqa: PLR2004  # as many as are named
        )
