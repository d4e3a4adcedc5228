import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.api.http.links import Links
from services.api.http.problem_types import PROBLEM_TYPES, oauth_status, problem_of, stored_problem
from shared.core.errors import (
    Conflict,
    DomainError,
    InvalidAccessToken,
    InvalidInput,
    MissingPermission,
    MissingScope,
    ResourceNotFound,
)
from shared.oauth.errors import InvalidProof, OAuthError

ROOT = Path(__file__).parents[2]
LINKS = Links("https://host.example/feedback")
CODES = {"DomainError", "Conflict", "Problem"}
"""Classes whose first argument is a code."""


def codes() -> Iterator[str]:
    """Yield the code of every error that is constructed in the packages."""
    for package in ("shared", "services"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if not (isinstance(node, ast.Call) and node.args):
                    continue
                first = node.args[0]
                if getattr(node.func, "id", None) in CODES and isinstance(first, ast.Constant):
                    yield str(first.value)


def test_every_error_code_has_a_problem_type() -> None:
    raised = set(codes())
    assert "mandateOverlaps" in raised
    assert raised - PROBLEM_TYPES.keys() == set()


@pytest.mark.parametrize(
    "error",
    [
        ResourceNotFound(),
        MissingScope(["jobs:read"]),
        MissingPermission("No."),
        InvalidAccessToken(),
        InvalidAccessToken(is_expired=True),
        InvalidProof("nonce is not the current one"),
        InvalidInput(detail="No."),
    ],
)
def test_every_domain_error_becomes_a_problem(error: DomainError) -> None:
    assert 400 <= problem_of(error).type.status < 500


def test_title_is_the_code_in_words() -> None:
    assert PROBLEM_TYPES["idempotencyKeyReused"].title == "Idempotency Key Reused"
    assert PROBLEM_TYPES["expiredAccessToken"].title == "Expired Access Token"


@pytest.mark.parametrize(
    ("field", "pointer"),
    [
        (("until_on",), "/until"),
        (("from_on",), "/from"),
        (("client",), "/clientId"),
        (("administration_id",), "/administrationId"),
        (("keys", 0), "/keys/0"),
        ((), ""),
    ],
)
def test_field_of_a_use_case_becomes_a_json_pointer(
    field: tuple[str | int, ...], pointer: str
) -> None:
    (issue,) = problem_of(InvalidInput(*field, detail="No.")).as_json()["issues"]
    assert issue == {
        "type": "urn:problem-type:belgif:input-validation:invalidInput",
        "in": "body",
        "name": pointer,
        "detail": "No.",
    }


def test_invalid_proof_is_answered_with_a_dpop_challenge() -> None:
    problem = problem_of(InvalidProof("send one proof", error="use_dpop_nonce"))
    assert problem.as_json()["type"] == "urn:problem-type:belgif:invalidAccessToken"
    challenge = problem.headers["WWW-Authenticate"]
    assert re.match(
        r'DPoP realm="toetsfeedback", algs="[^"]+", error="use_dpop_nonce", ', challenge
    )
    assert 'error_description="send one proof"' in challenge


def test_error_stored_by_a_worker_is_shown_as_a_problem() -> None:
    stored = Conflict("schoolNotTakingPart", "Start a new build.").as_json()
    assert stored == {"code": "schoolNotTakingPart", "detail": "Start a new build."}
    assert stored_problem(stored, LINKS) == {
        "type": "urn:problem-type:toetsfeedback:api:schoolNotTakingPart",
        "title": "School Not Taking Part",
        "status": 409,
        "detail": "Start a new build.",
    }


def test_refused_delivery_links_to_its_report() -> None:
    stored = DomainError("deliveryRefused", "See its report.", deliveryId="7").as_json()
    problem = stored_problem(stored, LINKS)
    assert (problem["status"], problem["href"]) == (422, f"{LINKS.root}/v1/deliveries/7")
    assert "deliveryId" not in problem


def test_problem_stored_by_an_earlier_version_is_shown_as_it_is() -> None:
    earlier = {"type": "urn:x", "title": "X", "status": 422, "detail": "It cannot be drawn."}
    assert stored_problem(earlier, LINKS) == earlier


def test_code_of_a_later_version_has_no_type_yet() -> None:
    assert stored_problem({"code": "fromTheFuture", "detail": "D."}, LINKS) == {"detail": "D."}


@pytest.mark.parametrize(
    ("error", "status"),
    [("invalid_request", 400), ("invalid_client", 401), ("temporarily_unavailable", 503)],
)
def test_oauth_errors_have_the_status_of_the_standard(error: str, status: int) -> None:
    assert oauth_status(OAuthError(error, "No.")) == status
