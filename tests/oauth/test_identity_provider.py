import json
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from shared.core.errors import ConfigurationError
from shared.oauth.identity_provider import (
    ProviderSettings,
    UserTokenError,
    open_provider,
)
from shared.oauth.provider_requests import ProviderUnavailableError
from tests.oauth.provider_process import OpenIdProvider, claims, openid_provider
from tests.oauth.signing import signed

FAULTY_PATHS = (
    "error",
    "elsewhere",
    "nonsense",
    "half",
    "endless",
    "slow",
    "dripping",
    "dripping-head",
)


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenIdProvider]:
    with openid_provider(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


def with_key_set(provider: OpenIdProvider, path: str = "jwks") -> ProviderSettings:
    return provider.settings(introspection_url=None, jwks_url=f"{provider.url}/{path}")


def test_an_opaque_token_is_introspected(provider: OpenIdProvider) -> None:
    found = open_provider(provider.settings()).verify_token(provider.token())
    assert (found["active"], found["vo_orgcode"]) == (True, "000028")


def test_trusted_certificates_are_read_once_for_all_requests(
    provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier, (first, second) = open_provider(provider.settings()), (provider.token() for _ in "12")
    verifier.verify_token(first)

    def read_again(*_: Any, **__: Any) -> None:
        raise AssertionError("the certificates are read again")

    monkeypatch.setattr(ssl, "create_default_context", read_again)
    assert verifier.verify_token(second)["active"] is True


def test_a_signed_token_is_verified_with_the_published_keys(
    provider: OpenIdProvider,
) -> None:
    found = open_provider(with_key_set(provider)).verify_token(provider.token("signed"))
    assert found["vo_orgcode"] == "000028"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example"},
        {"aud": "another-portal"},
        {"aud": None},
        {"azp": "another-portal"},
        {"client_id": "another-portal"},
        {"azp": "mijn-onderwijs", "client_id": "another-portal"},
        {"exp": int(time.time())},
        {"exp": "tomorrow"},
        {"exp": 1e300},
        {"exp": True},
        {"exp": [2_000_000_000]},
        {"nbf": 1e300},
        {"nbf": []},
        {"iss": ["https://provider.example"]},
        {"aud": [["mijn-onderwijs"]]},
        {"aud": {"mijn-onderwijs": True}},
        {"nbf": int(time.time()) + 3600},
        {"active": "true"},
    ],
)
def test_a_token_with_a_wrong_issuer_audience_or_time_is_rejected(
    provider: OpenIdProvider, changes: dict[str, Any]
) -> None:
    with pytest.raises(UserTokenError):
        open_provider(provider.settings()).verify_token(provider.token(**changes))
    if "active" not in changes:
        with pytest.raises(UserTokenError):
            open_provider(with_key_set(provider)).verify_token(provider.token("signed", **changes))


@pytest.mark.parametrize("changes", [{"aud": ["x", "mijn-onderwijs"]}, {"aud": None}])
@pytest.mark.parametrize("name", ["client_id", "azp"])
def test_a_token_may_have_the_portal_as_its_client(
    provider: OpenIdProvider, name: str, changes: dict[str, Any]
) -> None:
    given: dict[str, Any] = {name: "mijn-onderwijs"}
    token = provider.token(**given, **changes)
    assert open_provider(provider.settings()).verify_token(token)


def test_a_token_that_the_provider_did_not_issue_is_rejected(provider: OpenIdProvider) -> None:
    other_key = RSAKey.generate_key(2048)
    with pytest.raises(UserTokenError, match="not active"):
        open_provider(provider.settings()).verify_token("made up")
    for kid in ("first", "second"):
        forged = jwt.encode({"alg": "RS256", "kid": kid}, claims(), other_key)
        with pytest.raises(UserTokenError, match="sign"):
            open_provider(with_key_set(provider)).verify_token(forged)


@pytest.mark.parametrize("path", FAULTY_PATHS)
def test_a_provider_without_a_valid_response_in_time_is_unavailable(
    provider: OpenIdProvider, path: str
) -> None:
    settings = provider.settings(introspection_url=f"{provider.url}/{path}", timeout_seconds=0.2)
    with pytest.raises(ProviderUnavailableError):
        open_provider(settings).verify_token("x")


@pytest.mark.parametrize("kid", [["first"], {"first": 1}, 7, None, ""])
def test_key_id_of_another_type_names_no_key(provider: OpenIdProvider, kid: object) -> None:
    forged = signed(
        {"alg": "RS256", "typ": "at+jwt", "kid": kid}, claims(), RSAKey.generate_key(2048)
    )
    with pytest.raises(UserTokenError):
        open_provider(with_key_set(provider)).verify_token(forged)


@pytest.mark.parametrize("path", ["error", "half", "odd"])
def test_a_provider_without_readable_keys_is_unavailable(
    provider: OpenIdProvider, path: str
) -> None:
    with pytest.raises(ProviderUnavailableError):
        open_provider(with_key_set(provider, path)).verify_token(provider.token("signed"))


def test_a_provider_without_a_connection_is_unavailable(provider: OpenIdProvider) -> None:
    with pytest.raises(ProviderUnavailableError):
        open_provider(provider.settings(introspection_url="http://127.0.0.1:1/")).verify_token("x")


@pytest.mark.parametrize(
    "changes",
    [
        {"jwks_url": "https://provider.example/jwks"},
        {"introspection_url": None},
        {"introspection_url": "http://provider.example/introspect"},
        {"client_id": ""},
        {"timeout_seconds": 60},
        {"unknown": True},
    ],
)
def test_the_error_names_an_invalid_settings_file(
    provider: OpenIdProvider, tmp_path: Path, changes: dict[str, Any]
) -> None:
    file = tmp_path / "provider.json"
    valid = provider.settings().model_dump(mode="json")
    file.write_text(json.dumps(valid))
    assert ProviderSettings.read(file) == provider.settings()
    file.write_text(json.dumps(valid | changes))
    with pytest.raises(ConfigurationError, match=r"provider\.json"):
        ProviderSettings.read(file)


def test_the_error_names_a_missing_key_or_settings_file(
    provider: OpenIdProvider, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=r"lost\.pem"):
        open_provider(provider.settings(client_key_file=tmp_path / "lost.pem"))
    with pytest.raises(ConfigurationError, match=r"lost\.json.* cannot be read"):
        ProviderSettings.read(tmp_path / "lost.json")
