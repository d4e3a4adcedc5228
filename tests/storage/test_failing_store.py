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
from tests.storage.s3_server import FailingProxy, Fault, fresh_place

FAULTS = ["error", "full", "hang", "cut"]


def at_first(fault: Fault, times: int = 1) -> Callable[[str], Fault]:
    faults = chain(repeat(fault, times), repeat(""))
    return lambda _method: next(faults)


@pytest.mark.parametrize("fault", FAULTS)
def test_what_fails_once_is_asked_again(
    proxy: FailingProxy, behind_proxy: Storage, fault: Fault
) -> None:
    content = bytes(range(256)) * (CHUNK_BYTES // 128)
    proxy.fault = at_first(fault)
    behind_proxy.put("key", content)
    proxy.fault = at_first(fault)
    assert behind_proxy.read("key") == content
    proxy.fault = at_first(fault)
    assert b"".join(behind_proxy.stream("key", 3, CHUNK_BYTES + 5)) == content[3 : CHUNK_BYTES + 5]
    assert proxy.met == [fault] * 3


@pytest.mark.parametrize("fault", ["error", "full", "hang"])
def test_a_large_object_whose_parts_fail_is_whole_all_the_same(
    proxy: FailingProxy, behind_proxy: Storage, fault: Fault
) -> None:
    parts = [bytes([number]) * CHUNK_BYTES for number in range(12)]
    proxy.fault = at_first(fault, times=2)
    behind_proxy.put("large", iter(parts))
    assert list(behind_proxy.stream("large")) == parts
    assert proxy.met == [fault] * 2


def test_a_large_object_whose_upload_breaks_off_is_not_there(
    proxy: FailingProxy, behind_proxy: Storage
) -> None:
    proxy.fault = at_first("cut")
    with pytest.raises(StoreError):
        behind_proxy.put("large", iter([b"x" * CHUNK_BYTES] * 12))
    assert not behind_proxy.exists("large")


@pytest.mark.parametrize("fault", ["error", "full", "hang"])
def test_what_keeps_failing_is_given_up_with_an_error(
    proxy: FailingProxy, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_TIMEOUT", "200ms")
    storage = open_storage(fresh_place())
    storage.put("key", b"x")
    proxy.fault = lambda _method: fault
    with pytest.raises(StoreError):
        storage.put("other", b"x")
    with pytest.raises(StoreError):
        storage.read("key")
    with pytest.raises(StoreError):
        storage.check()


@pytest.mark.usefixtures("s3_environment")
def test_a_bucket_that_is_missing_is_named_and_is_no_missing_object() -> None:
    storage = open_storage("s3://no-such-bucket/prefix")
    with pytest.raises(BucketMissingError, match="no-such-bucket"):
        storage.put("key", b"x")
    with pytest.raises(StoreError, match="no-such-bucket"):
        storage.check()
    with pytest.raises(StoredObjectMissingError):
        storage.read("key")


def test_a_directory_on_a_full_disk_does_not_pass_its_check() -> None:
    # The system's own information is kept where nothing can be.
    with pytest.raises(OSError, match="No space left on device"):
        open_storage("file:///proc").check()
