"""Checks of the object store, of the queue, and of the key files."""

from collections.abc import Callable
from pathlib import Path
from secrets import token_bytes, token_hex
from urllib.parse import urlsplit

from obstore.exceptions import BaseError as StoreError
from redis.exceptions import RedisError

from services.cli.doctor.findings import Finding, failed, passed, skipped
from shared.core.errors import ConfigurationError
from shared.core.secrets import read_insz_key
from shared.core.settings import Settings
from shared.jobs.queue import open_broker
from shared.oauth.signing_keys import SigningKeys
from shared.storage.store import BucketMissingError, Storage, StoredObjectMissingError

PREFIX = "doctor"
PROBE_BYTES = 64


def check_storage(storage: Storage, url: str) -> Finding:
    """Write an object, read it, delete it."""
    key, content = f"{PREFIX}/{token_hex(16)}", token_bytes(PROBE_BYTES)
    try:
        storage.check()
        storage.put(key, content)
        is_same = storage.read(key) == content
        storage.delete([key])
    except (StoreError, OSError, BucketMissingError, StoredObjectMissingError) as error:
        detail = f"{type(error).__name__} when writing, reading and deleting an object in {url}"
        remedy = (
            "check TOETSFEEDBACK_STORAGE_URL, the AWS_… variables, the rights and the free space"
        )
        return failed("object store", detail, remedy)
    if not is_same:
        return failed("object store", f"{url} returns other bytes", "replace the store")
    return passed("object store", f"an object was written, read and deleted in {url}")


def check_queue(settings: Settings) -> Finding:
    parts = urlsplit(settings.redis_url.get_secret_value())
    address = f"{parts.hostname}:{parts.port or 6379}"
    broker = open_broker(settings, middleware=[])
    try:
        broker.client.ping()
    except RedisError as error:
        detail = f"{type(error).__name__} at {address}"
        return failed("queue", detail, "check that Redis or Valkey runs at TOETSFEEDBACK_REDIS_URL")
    finally:
        broker.close()
    return passed("queue", f"{address} responds")


def check_signing_keys(settings: Settings) -> Finding:
    return _check_key("signing keys", settings.signing_keys, "an API", SigningKeys.read)


def check_insz_key(settings: Settings) -> Finding:
    return _check_key("INSZ key", settings.insz_key_file, "a worker", read_insz_key)


def _check_key(
    check: str, path: Path | None, program: str, read: Callable[[Path], object]
) -> Finding:
    if path is None:
        return skipped(check, "its variable is not set", f"run it on the machine of {program}")
    try:
        read(path)
    except ConfigurationError as error:
        return failed(check, str(error), "")
    return passed(check, f"{path} can be read")
