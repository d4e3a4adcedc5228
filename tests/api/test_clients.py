"""Registration of OAuth clients."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from joserfc.jwk import ECKey

from tests.api.conftest import AuditLog

CLIENTS = "/v1/clients"


def new_key() -> dict[str, Any]:
    return dict(ECKey.generate_key("P-256").as_dict(private=False))


def new_client(operator: httpx.Client, **changes: Any) -> httpx.Response:
    plan = {
        "name": f"client {uuid4()}",
        "kind": "integrator",
        "scopes": ["schools:read"],
        "keys": [new_key()],
    }
    return operator.post(CLIENTS, json=plan | changes)


@pytest.fixture(scope="module")
def client(operator: httpx.Client) -> dict[str, Any]:
    return dict(new_client(operator).json())


def test_a_registered_client_can_be_read_and_listed(
    operator: httpx.Client, audit_log: AuditLog
) -> None:
    response = new_client(operator, scopes=["results:read", "schools:read"])
    assert response.status_code == 201
    client = response.json()
    assert client["href"] == response.headers["Location"]
    assert (client["kind"], client["state"]) == ("integrator", "active")
    assert client["scopes"] == ["results:read", "schools:read"]
    assert operator.get(client["href"]).json() == client
    assert client in operator.get(CLIENTS, params={"pageSize": 200}).json()["items"]
    assert audit_log.decisions() == [("createClient", None, "allowed", "granted")]


def test_client_is_registered_for_the_scopes_that_it_names(client: dict[str, Any]) -> None:
    assert client["scopes"] == ["schools:read"]


def test_client_without_scopes_is_not_registered(operator: httpx.Client) -> None:
    without = {"name": f"client {uuid4()}", "kind": "integrator", "keys": [new_key()]}
    response = operator.post(CLIENTS, json=without)
    assert response.status_code == 400
    assert [issue["name"] for issue in response.json()["issues"]] == ["/scopes"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"scopes": ["jobs:write"]}, 400),
        ({"scopes": []}, 400),
        ({"scopes": None}, 400),
        ({"keys": []}, 400),
        ({"kind": "king"}, 400),
        ({"kind": "operator"}, 409),
        ({"keys": [ECKey.generate_key("P-256").as_dict(private=True)]}, 400),
        ({"keys": [ECKey.generate_key("P-384").as_dict(private=False)]}, 400),
        ({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}, 400),
        ({"keys": [new_key(), new_key()]}, 400),
        ({"secret": "x"}, 400),
        ({"name": "Vendor\u202e"}, 400),
        ({"name": "Ven\u2066dor"}, 400),
        ({"name": "Vendor\x9b"}, 400),
        ({"name": "Ven\u034fdor"}, 400),
        ({"name": "Vendor\u3164"}, 400),
        ({"name": "Ven\U000e0041dor"}, 400),
        ({"name": "Ven\U000e0101dor"}, 400),
    ],
)
def test_an_invalid_client_is_rejected(
    operator: httpx.Client, changes: dict[str, Any], status: int
) -> None:
    assert new_client(operator, **changes).status_code == status


def test_names_and_keys_of_clients_are_unique(
    operator: httpx.Client, client: dict[str, Any]
) -> None:
    key = new_key()
    assert new_client(operator, keys=[key]).status_code == 201
    assert new_client(operator, keys=[key]).status_code == 409
    assert new_client(operator, name=client["name"]).status_code == 409
    other = new_client(operator).json()["href"]
    assert operator.patch(other, json={"name": client["name"]}).status_code == 409


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("{upper}", 409),
        ("{name} ", 409),
        ("{wide}", 409),
        ("{name}\u00ad", 400),
        ("v\u0435ndor {name}", 400),
        ("\u03b1pp {name}", 400),
    ],
)
def test_name_that_looks_like_that_of_another_client_is_refused(
    operator: httpx.Client, client: dict[str, Any], name: str, status: int
) -> None:
    known = client["name"]
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in known)
    alike = name.format(name=known, upper=known.upper(), wide=wide)
    refused = new_client(operator, name=alike)
    assert refused.status_code == status, refused.text
    other = new_client(operator).json()["href"]
    assert operator.patch(other, json={"name": alike}).status_code == status


def test_client_changes_the_spelling_of_its_own_name(
    operator: httpx.Client, client: dict[str, Any]
) -> None:
    renamed = operator.patch(client["href"], json={"name": client["name"].upper()})
    assert renamed.json()["name"] == client["name"].upper()


def test_former_name_stays_with_its_client(operator: httpx.Client) -> None:
    vendor, name = new_client(operator).json()["href"], f"App {uuid4()}"
    assert operator.patch(vendor, json={"name": name}).status_code == 200
    assert operator.patch(vendor, json={"name": f"Other {name}"}).status_code == 200
    assert operator.patch(vendor, json={"state": "suspended"}).status_code == 200
    for taken in (name, name.upper(), f"{name}!", f"Other {name}"):
        refused = new_client(operator, name=taken)
        assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (
            409,
            "clientExists",
        )
    other = new_client(operator).json()["href"]
    assert operator.patch(other, json={"name": name}).status_code == 409
    assert operator.patch(vendor, json={"name": name}).json()["name"] == name


def test_operator_removes_a_key(operator: httpx.Client) -> None:
    client = new_client(operator).json()
    (key,) = (f"{client['href']}/keys/{key['id']}" for key in client["keys"])
    assert operator.delete(key).status_code == 204
    assert operator.delete(key).status_code == 404
    assert operator.get(client["href"]).json()["keys"] == []


def test_one_operator_only_takes_scopes_away(operator: httpx.Client) -> None:
    href = new_client(operator, scopes=["results:read", "schools:read"]).json()["href"]
    changed = operator.patch(href, json={"scopes": ["schools:read"]}).json()
    assert changed["scopes"] == ["schools:read"]
    assert operator.patch(href, json={"scopes": ["audit:read"]}).status_code == 409


def test_an_unknown_client_is_not_found(operator: httpx.Client) -> None:
    missing = f"{CLIENTS}/{uuid4()}"
    assert operator.get(missing).status_code == 404
    assert operator.patch(missing, json={"state": "active"}).status_code == 404
    assert operator.delete(f"{missing}/keys/{'x' * 43}").status_code == 404


def test_only_operators_read_and_register_clients(
    school: httpx.Client, integrator: httpx.Client
) -> None:
    for caller in (school, integrator):
        assert caller.get(CLIENTS).status_code == 403
        assert new_client(caller).status_code == 403
