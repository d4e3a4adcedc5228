"""Changes that make a delivery invalid in one place."""

import json

from tests.deliveries.delivery_files import Change, DeliveryFiles

Place = tuple[str, str | None, int | None, str | None]
"""Kind, file, line and column of a fault."""


def set_value(file: str, line: int, column: str, value: str) -> Change:
    return lambda delivery: delivery.set(file, line, column, value)


def set_names(file: str, line: int, family_name: str, given_name: str) -> Change:
    def change(delivery: DeliveryFiles) -> None:
        delivery.set(file, line, "family_name", family_name)
        delivery.set(file, line, "given_name", given_name)

    return change


def turn_scale_round(column: str) -> Change:
    """Return a change to a scale of which the highest level alone does not attain."""

    def change(delivery: DeliveryFiles) -> None:
        delivery.rows["levels.csv"][0][4] = column
        delivery.set("levels.csv", 5, "ordinal", "2")
        delivery.set("levels.csv", 6, "ordinal", "1")

    return change


def add_row(file: str, *values: str) -> Change:
    return lambda delivery: delivery.add(file, *values)


def remove_row(file: str, line: int) -> Change:
    return lambda delivery: delivery.remove(file, line)


def replace_bytes(file: str, old: bytes, new: bytes) -> Change:
    def change(delivery: DeliveryFiles) -> None:
        data = delivery.bytes_of(file)
        assert old in data
        delivery.raw[file] = data.replace(old, new, 1)

    return change


def set_member(name: str, value: object) -> Change:
    return lambda delivery: delivery.manifest.update({name: value})


def set_administration_member(name: str, value: object) -> Change:
    def change(delivery: DeliveryFiles) -> None:
        delivery.administration = {**(delivery.administration or {}), name: value}

    return change


def remove_member(name: str) -> Change:
    return lambda delivery: delivery.manifest.pop(name)


def change_entry(file: str, **values: object) -> Change:
    def change(delivery: DeliveryFiles) -> None:
        files = json.loads(delivery.contents()["delivery.json"])["files"]
        files[file] |= values
        delivery.manifest["files"] = files

    return change


def replace_manifest(data: bytes) -> Change:
    return lambda delivery: delivery.raw.update({"delivery.json": data})


def remove_file(file: str) -> Change:
    def change(delivery: DeliveryFiles) -> None:
        if file == "administration.json":
            delivery.administration = None
        else:
            del delivery.rows[file]

    return change


def remove_entry(file: str) -> Change:
    def change(delivery: DeliveryFiles) -> None:
        files = json.loads(delivery.contents()["delivery.json"])["files"]
        del files[file]
        delivery.manifest["files"] = files

    return change


def replace_in_header(file: str, old: str, new: str) -> Change:
    return replace_bytes(file, old.encode(), new.encode())
