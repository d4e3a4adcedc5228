"""Ways to break one thing of a delivery, for tests that want to see it named."""

import json

from tests.deliveries.delivery_files import Change, DeliveryFiles

Place = tuple[str, str | None, int | None, str | None]
"""Kind, file, line and column of a fault."""


def sets(file: str, line: int, column: str, value: str) -> Change:
    return lambda delivery: delivery.set(file, line, column, value)


def adds(file: str, *values: str) -> Change:
    return lambda delivery: delivery.add(file, *values)


def removes(file: str, line: int) -> Change:
    return lambda delivery: delivery.remove(file, line)


def with_bytes(file: str, old: bytes, new: bytes) -> Change:
    def change(delivery: DeliveryFiles) -> None:
        data = delivery.bytes_of(file)
        assert old in data
        delivery.raw[file] = data.replace(old, new, 1)

    return change


def with_member(name: str, value: object) -> Change:
    return lambda delivery: delivery.manifest.update({name: value})


def with_administration(name: str, value: object) -> Change:
    def change(delivery: DeliveryFiles) -> None:
        delivery.administration = {**(delivery.administration or {}), name: value}

    return change


def without_member(name: str) -> Change:
    return lambda delivery: delivery.manifest.pop(name)


def with_entry(file: str, **values: object) -> Change:
    def change(delivery: DeliveryFiles) -> None:
        files = json.loads(delivery.contents()["delivery.json"])["files"]
        files[file] |= values
        delivery.manifest["files"] = files

    return change


def with_manifest(data: bytes) -> Change:
    return lambda delivery: delivery.raw.update({"delivery.json": data})


def without_file(file: str) -> Change:
    def change(delivery: DeliveryFiles) -> None:
        if file == "administration.json":
            delivery.administration = None
        else:
            del delivery.rows[file]

    return change


def without_entry(file: str) -> Change:
    def change(delivery: DeliveryFiles) -> None:
        files = json.loads(delivery.contents()["delivery.json"])["files"]
        del files[file]
        delivery.manifest["files"] = files

    return change


def with_header(file: str, old: str, new: str) -> Change:
    return with_bytes(file, old.encode(), new.encode())
