"""Which of the keys that the identity provider publishes verify a token."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from shared.oauth.identity_provider import Provider, UserTokenError, open_provider
from shared.oauth.provider_requests import ProviderUnavailableError
from tests.oauth.provider_process import OpenIdProvider, claims, openid_provider
from tests.oauth.signing import signed

EC, OTHER_EC = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
RSA, OTHER_RSA = RSAKey.generate_key(2048), RSAKey.generate_key(2048)
ED = OKPKey.generate_key("Ed25519")
CERTIFICATE = "MII" + "x" * 1600


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenIdProvider]:
    with openid_provider(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


def public(key: Any, **members: Any) -> dict[str, Any]:
    """Return the key as a provider publishes it; `kid` is "1" unless `members` has another."""
    jwk = key.as_dict(private=False) | {"kid": "1"} | members
    return {name: value for name, value in jwk.items() if value is not None}


def publishing(provider: OpenIdProvider, *keys: object, **changes: Any) -> Provider:
    provider.publish(*keys)
    jwks_url = f"{provider.url}/published"
    return open_provider(provider.settings(introspection_url=None, jwks_url=jwks_url, **changes))


def token(key: Any, alg: str, kid: str | None = "1", **changes: Any) -> str:
    header = {"alg": alg, "typ": "at+jwt"} | ({} if kid is None else {"kid": kid})
    return signed(header, claims(**changes), key)


ENCRYPTION = public(OTHER_RSA, use="enc")
NAMELESS = public(EC, kid=None)

ACCEPTED: dict[str, tuple[list[Any], str]] = {
    "two keys of two kinds under one kid": ([public(RSA), public(EC)], token(EC, "ES256")),
    "two keys of one kind under one kid": ([public(EC), public(OTHER_EC)], token(EC, "ES256")),
    "and the other of them": ([public(EC), public(OTHER_EC)], token(OTHER_EC, "ES256")),
    "key for encryption under the same kid": ([public(RSA), ENCRYPTION], token(RSA, "RS256")),
    "key of another alg under the same kid": (
        [public(RSA, alg="RS256"), public(OTHER_RSA, alg="RSA-OAEP")],
        token(RSA, "RS256"),
    ),
    "kid and alg of each key": (
        [public(RSA, alg="RS256"), public(OTHER_RSA, alg="PS256")],
        token(OTHER_RSA, "PS256"),
    ),
    "two names of one alg": ([public(ED, alg="EdDSA")], token(ED, "Ed25519")),
    "key for verification": (
        [public(EC, use="sig", key_ops=["verify"], alg="ES256")],
        token(EC, "ES256"),
    ),
    "key without kid": ([NAMELESS], token(EC, "ES256", None)),
    "key without kid for a token that has one": ([public(RSA), NAMELESS], token(EC, "ES256")),
    "token without kid": ([public(RSA), public(OTHER_EC), public(EC)], token(EC, "ES256", None)),
    "keys of other kinds": (
        [{"kty": "EC", "crv": "P-521"}, {"kty": "AKP", "kid": "1"}, {}, public(EC)],
        token(EC, "ES256"),
    ),
    "entries that are no keys": ([7, None, [], public(EC)], token(EC, "ES256")),
}

REFUSED: dict[str, tuple[list[Any], str]] = {
    "key for encryption": ([public(RSA, use="enc")], token(RSA, "RS256")),
    "key that encrypts": ([public(RSA, key_ops=["encrypt"])], token(RSA, "RS256")),
    "key of another alg": ([public(RSA, alg="PS256")], token(RSA, "RS256")),
    "key of an alg that is not accepted": ([public(RSA, alg="RS512")], token(RSA, "RS256")),
    "key under another kid": ([public(EC, kid="2")], token(EC, "ES256")),
    "key with its private half": ([EC.as_dict(private=True) | {"kid": "1"}], token(EC, "ES256")),
    "no key": ([], token(EC, "ES256")),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_token_of_a_published_key_is_accepted(provider: OpenIdProvider, case: str) -> None:
    keys, text = ACCEPTED[case]
    assert publishing(provider, *keys).verify_token(text)["vo_orgcode"] == "000028"


@pytest.mark.parametrize("case", REFUSED)
def test_token_of_a_key_for_something_else_is_refused(provider: OpenIdProvider, case: str) -> None:
    keys, text = REFUSED[case]
    with pytest.raises(UserTokenError, match="not signed by a key of the provider"):
        publishing(provider, *keys).verify_token(text)


def test_large_key_set_with_certificates_is_read(provider: OpenIdProvider) -> None:
    others = [public(OTHER_RSA, kid=f"tenant {n}", x5c=[CERTIFICATE]) for n in range(200)]
    verifier = publishing(provider, *others, public(EC))
    assert verifier.verify_token(token(EC, "ES256"))


def test_token_without_kid_is_tried_with_few_keys(provider: OpenIdProvider) -> None:
    others = [public(ECKey.generate_key("P-256"), kid=None) for _ in range(20)]
    with pytest.raises(UserTokenError):
        publishing(provider, *others, public(EC)).verify_token(token(EC, "ES256", None))


def test_known_keys_are_not_used_longer_than_the_setting_allows(provider: OpenIdProvider) -> None:
    verifier = publishing(provider, public(EC), max_key_age_hours=0.5 / 3600)
    assert verifier.verify_token(token(EC, "ES256"))
    provider.publish(status=503)
    time.sleep(0.6)
    with pytest.raises(ProviderUnavailableError):
        verifier.verify_token(token(EC, "ES256"))


def test_resolver_that_does_not_respond_counts_within_the_timeout(
    provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(10))
    jwks_url = "https://provider.example/jwks"
    settings = provider.settings(introspection_url=None, jwks_url=jwks_url, timeout_seconds=0.2)
    began_at = time.monotonic()
    with pytest.raises(ProviderUnavailableError):
        open_provider(settings).verify_token(token(EC, "ES256"))
    assert time.monotonic() - began_at < 8
