from collections.abc import Callable
from itertools import chain, repeat

import pytest
from obstore.exceptions import BaseError as StoreError

from shared.storage.store import (
    CHUNK_BYTES,
    BucketMissingError,
    Storage,
    StoredObjectMissingError,
    open_storage,
)
from tests.storage.s3_server import FailingProxy, Fault, new_storage_url

FAULTS = ["error", "full", "hang", "cut"]


def at_first(fault: Fault, times: int = 1) -> Callable[[str], Fault]:
    faults = chain(repeat(fault, times), repeat(""))
    return lambda _method: next(faults)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_request_that_fails_once_is_retried(
    proxy: FailingProxy, behind_proxy: Storage, fault: Fault
) -> None:
    content = bytes(range(256)) * (CHUNK_BYTES // 128)
    proxy.fault = at_first(fault)
    behind_proxy.put("key", content)
    proxy.fault = at_first(fault)
    assert behind_proxy.read("key") == content
    proxy.fault = at_first(fault)
    assert b"".join(behind_proxy.stream("key", 3, CHUNK_BYTES + 5)) == content[3 : CHUNK_BYTES + 5]
    assert proxy.faults_made == [fault] * 3


@pytest.mark.parametrize("fault", ["error", "full", "hang"])
def test_failed_parts_of_a_large_object_are_retried(
    proxy: FailingProxy, behind_proxy: Storage, fault: Fault
) -> None:
    parts = [bytes([number]) * CHUNK_BYTES for number in range(12)]
    proxy.fault = at_first(fault, times=2)
    behind_proxy.put("large", iter(parts))
    assert list(behind_proxy.stream("large")) == parts
    assert proxy.faults_made == [fault] * 2


def test_an_interrupted_upload_of_a_large_object_stores_nothing(
    proxy: FailingProxy, behind_proxy: Storage
) -> None:
    proxy.fault = at_first("cut")
    with pytest.raises(StoreError):
        behind_proxy.put("large", iter([b"x" * CHUNK_BYTES] * 12))
    assert not behind_proxy.exists("large")


@pytest.mark.parametrize("fault", ["error", "full", "hang"])
def test_a_request_that_keeps_failing_is_an_error(
    proxy: FailingProxy, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_TIMEOUT", "200ms")
    storage = open_storage(new_storage_url())
    storage.put("key", b"x")
    proxy.fault = lambda _method: fault
    with pytest.raises(StoreError):
        storage.put("other", b"x")
    with pytest.raises(StoreError):
        storage.read("key")
    with pytest.raises(StoreError):
        storage.check()


@pytest.mark.usefixtures("s3_environment")
def test_the_error_names_a_missing_bucket() -> None:
    storage = open_storage("s3://no-such-bucket/prefix")
    with pytest.raises(BucketMissingError, match="no-such-bucket"):
        storage.put("key", b"x")
    with pytest.raises(StoreError, match="no-such-bucket"):
        storage.check()
    with pytest.raises(StoredObjectMissingError):
        storage.read("key")


def test_a_directory_on_a_full_disk_fails_its_check() -> None:
    # The file system /proc has no space for files.
    with pytest.raises(OSError, match="No space left on device"):
        open_storage("file:///proc").check()
