"""The stores to test: a directory, and a server that speaks the S3 protocol."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.storage.store import Storage, open_storage
from tests.storage.s3_server import (
    CREDENTIALS,
    FailingProxy,
    failing_proxy,
    new_storage_url,
    s3_server,
)


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def s3_environment(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": s3_endpoint}).items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["directory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "directory":
        return open_storage((tmp_path / "a directory, é").as_uri())
    request.getfixturevalue("s3_environment")
    return open_storage(new_storage_url())


@pytest.fixture
def proxy(
    s3_endpoint: str,
    s3_environment: None,  # noqa: ARG001  # everything but the address
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[FailingProxy]:
    """Return a proxy that hangs longer than the timeout of clients, and direct clients to it."""
    with failing_proxy(s3_endpoint, hang_seconds=1.5) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        monkeypatch.setenv("AWS_TIMEOUT", "1s")
        yield proxy


@pytest.fixture
def behind_proxy(proxy: FailingProxy) -> Storage:
    assert proxy.url
    return open_storage(new_storage_url())
