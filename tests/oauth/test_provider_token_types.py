"""Access tokens, ID tokens and refresh tokens of identity providers, and strengths of a sign-on."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.oauth.identity_provider import UserTokenError, open_provider
from tests.oauth.provider_process import OpenIdProvider, openid_provider


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenIdProvider]:
    with openid_provider(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


def with_key_set(provider: OpenIdProvider, **changes: Any) -> Any:
    settings = {"introspection_url": None, "jwks_url": f"{provider.url}/jwks"} | changes
    return open_provider(provider.settings(**settings))


@pytest.mark.parametrize(
    "changes",
    [{}, {"typ": "ID"}, {"typ": "Refresh"}, {"typ": "Offline"}, {"typ": ["Bearer"]}, {"typ": ""}],
)
def test_id_token_is_not_accepted_as_an_access_token(
    provider: OpenIdProvider, changes: dict[str, Any]
) -> None:
    with pytest.raises(UserTokenError, match="typ"):
        with_key_set(provider).verify_token(provider.token("of_type_jwt", **changes))


def test_access_token_of_keycloak_is_accepted(provider: OpenIdProvider) -> None:
    """Its type is `JWT`; the claim `typ` distinguishes it from an ID token."""
    token = provider.token("of_type_jwt", typ="Bearer", azp="mijn-onderwijs")
    assert with_key_set(provider).verify_token(token)["vo_orgcode"] == "000028"
    introspected = provider.token(typ="Bearer", token_type="Bearer", nonce="as before version 25")
    assert open_provider(provider.settings()).verify_token(introspected)["active"]


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "n"},
        {"at_hash": "x"},
        {"c_hash": "x"},
        {"token_type": "N_A"},
        {"token_type": 7},
        {"typ": "ID"},
        {"typ": "Refresh"},
        {"typ": "Refresh", "token_type": "Bearer"},
    ],
)
def test_introspected_id_token_is_not_accepted_as_an_access_token(
    provider: OpenIdProvider, changes: dict[str, Any]
) -> None:
    with pytest.raises(UserTokenError, match="access token"):
        open_provider(provider.settings()).verify_token(provider.token(**changes))
    token = provider.token(token_type="Bearer")
    assert open_provider(provider.settings()).verify_token(token)["active"]


@pytest.mark.parametrize("kind", ["opaque", "signed"])
def test_sign_on_of_another_strength_is_refused(provider: OpenIdProvider, kind: Any) -> None:
    accepted = {"accepted_acr": ["urn:be:vlaanderen:authmech:eid"]}
    strict = with_key_set(provider, **accepted)
    if kind == "opaque":
        strict = open_provider(provider.settings(**accepted))
    eid = provider.token(kind, acr="urn:be:vlaanderen:authmech:eid")
    assert strict.verify_token(eid)["vo_orgcode"] == "000028"
    for changes in ({}, {"acr": "urn:be:vlaanderen:authmech:sms"}, {"acr": ["eid"]}):
        with pytest.raises(UserTokenError, match="acr"):
            strict.verify_token(provider.token(kind, **changes))
