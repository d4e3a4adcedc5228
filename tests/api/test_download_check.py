"""The commands of docs/operations.md that check a download without reading a document."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.ports import choose_port
from services.api.app import create_app
from shared.access.products import Product
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.mandates.service import MandatePlan, give_mandate
from shared.oauth.clients.rules import ClientKind
from tests.api.conftest import AuditLog, serve
from tests.api.oauth_clients import OAuthClient, register_client
from tests.api.seeding import SCHOOL, Seeded
from tests.callers import IN_A_YEAR, school_request

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")


@pytest.fixture
def url(api_settings: Settings, seeded: Seeded) -> Iterator[str]:
    """Serve an API that is the issuer of its tokens at its own address."""
    assert seeded.documents
    port = choose_port()
    url = f"http://127.0.0.1:{port}"
    with serve(create_app(api_settings.model_copy(update={"public_url": url})), url, port) as url:
        yield url


@pytest.fixture
def vendor(url: str, sessions: Sessions) -> OAuthClient:
    """Return an integrator with a mandate of the school."""
    vendor = register_client(sessions, url, ClientKind.INTEGRATOR)
    with UnitOfWork(sessions) as unit:
        plan = MandatePlan(vendor.id, [Product.STUDENT_FEEDBACK], IN_A_YEAR, "Report book")
        give_mandate(unit, school_request(SCHOOL), plan)
    return vendor


def check_download(vendor: OAuthClient, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run the commands of the page as this client."""
    (commands,) = re.findall(r"^```sh download\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    key = directory / "client.pem"
    key.write_bytes(vendor.key.as_pem(private=True))
    environment = os.environ | {
        "SCHOOL": SCHOOL,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TOETSFEEDBACK_PUBLIC_URL": vendor.url,
        "TOETSFEEDBACK_CLIENT_ID": vendor.id,
        "TOETSFEEDBACK_CLIENT_KEY": str(key),
    }
    return subprocess.run(
        ["/bin/sh", "-u", "-c", commands],
        cwd=directory,
        env=environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )


@pytest.mark.usefixtures("open_now")
def test_check_of_a_download_sends_no_byte_of_a_document(
    vendor: OAuthClient, tmp_path: Path, audit_log: AuditLog
) -> None:
    found = check_download(vendor, tmp_path)
    assert (found.returncode, found.stderr.split("\n")[-2]) == (0, "200 OK"), found.stderr
    assert found.stdout.strip() == ""
    reads = [entry for entry in audit_log.decisions() if entry[1] == SCHOOL]
    assert [entry[2] for entry in reads] == ["allowed", "allowed"]


def test_check_of_a_download_fails_before_the_release(vendor: OAuthClient, tmp_path: Path) -> None:
    found = check_download(vendor, tmp_path)
    assert (found.returncode, found.stderr.split("\n")[-2]) == (1, "404 Not Found"), found.stderr
