"""Checks of the object store, of the queue, and of the key files."""

from collections.abc import Callable
from pathlib import Path
from secrets import token_bytes, token_hex
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError as StoreError
from redis.exceptions import RedisError

from services.cli.doctor.findings import Finding, failed, failed_by, passed, skipped
from shared.core.errors import ConfigurationError
from shared.core.redis_errors import explain_redis_error
from shared.core.secrets import read_insz_key
from shared.core.settings import Settings
from shared.jobs.queue import open_broker
from shared.oauth.signing_keys import SigningKeys
from shared.release_plans.manifest_signatures import ManifestKey
from shared.storage.store import BucketMissingError, Storage, StoredObjectMissingError
from shared.storage.store_errors import explain_store_error
from shared.viewings.codes import ViewingKey

PREFIX = "doctor"
STORE = "object store"
PROBE_BYTES = 64


def check_storage(storage: Storage, url: str) -> Finding:
    """Write an object, read it, delete it, and check the free space of a directory."""
    key, content = f"{PREFIX}/{token_hex(16)}", token_bytes(PROBE_BYTES)
    try:
        storage.put(key, content)
        is_same = storage.read(key) == content
        storage.delete([key])
        storage.check()
    except BucketMissingError as error:
        return failed(STORE, str(error), "")
    except StoredObjectMissingError:
        return failed(STORE, f"{url} loses what is written", "replace the store")
    except (StoreError, OSError) as error:
        return failed_by(STORE, url, explain_store_error(error))
    if not is_same:
        return failed(STORE, f"{url} returns other bytes", "replace the store")
    return passed(STORE, f"an object was written, read and deleted in {url}")


def find_missing_directory(url: str) -> Finding | None:
    """Return the finding that the directory does not exist; opening it would create it."""
    parts = urlsplit(url)
    if parts.scheme != "file" or Path(unquote(parts.path)).exists():
        return None
    remedy = "mount or create it, or correct TOETSFEEDBACK_STORAGE_URL"
    return failed(STORE, f"the directory {unquote(parts.path)} does not exist", remedy)


def check_queue(settings: Settings) -> Finding:
    """Write a key that lasts a second."""
    parts = urlsplit(settings.redis_url.get_secret_value())
    address = f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path
    broker = open_broker(settings, middleware=[])
    try:
        broker.client.set(f"{broker.namespace}:{PREFIX}", "", ex=1)
    except RedisError as error:
        return failed_by("queue", address, explain_redis_error(error))
    finally:
        broker.close()
    return passed("queue", f"{address} responds and can be written")


def check_signing_keys(settings: Settings) -> Finding:
    return _check_key("signing keys", settings.signing_keys, "an API", SigningKeys.read)


def check_insz_key(settings: Settings) -> Finding:
    return _check_key("INSZ key", settings.insz_key_file, "a worker", read_insz_key)


def check_manifest_key(settings: Settings) -> Finding:
    return _check_key("manifest key", settings.manifest_key_file, "a worker", ManifestKey.read)


def check_viewing_key(settings: Settings) -> Finding:
    programs = "an API and a worker"
    return _check_key("viewing key", settings.viewing_key_file, programs, ViewingKey.read)


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
