import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from shared.core.errors import ConfigurationError
from shared.oauth.identity_provider import (
    ProviderAwayError,
    ProviderSettings,
    UserTokenError,
    open_provider,
)
from tests.oauth.provider_process import OpenIdProvider, claims, openid_provider
from tests.oauth.signing import signed

MISBEHAVING = ("error", "elsewhere", "nonsense", "half", "endless", "slow", "dripping")


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenIdProvider]:
    with openid_provider(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


def by_keys(outside: OpenIdProvider, path: str = "jwks") -> ProviderSettings:
    return outside.settings(introspection_url=None, jwks_url=f"{outside.url}/{path}")


def test_a_token_is_asked_about(outside: OpenIdProvider) -> None:
    found = open_provider(outside.settings()).claims_of(outside.token())
    assert (found["active"], found["vo_orgcode"]) == (True, "000028")


def test_a_signed_token_is_checked_with_the_keys_that_are_published(
    outside: OpenIdProvider,
) -> None:
    found = open_provider(by_keys(outside)).claims_of(outside.token("signed"))
    assert found["vo_orgcode"] == "000028"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example"},
        {"aud": "another-portal"},
        {"aud": None},
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
def test_a_token_that_is_not_for_us_or_not_for_now_is_refused(
    outside: OpenIdProvider, changes: dict[str, Any]
) -> None:
    with pytest.raises(UserTokenError):
        open_provider(outside.settings()).claims_of(outside.token(**changes))
    if "active" not in changes:
        with pytest.raises(UserTokenError):
            open_provider(by_keys(outside)).claims_of(outside.token("signed", **changes))


@pytest.mark.parametrize("changes", [{"aud": ["x", "mijn-onderwijs"]}, {"aud": None}])
def test_a_token_may_name_the_portal_as_its_client(
    outside: OpenIdProvider, changes: dict[str, Any]
) -> None:
    token = outside.token(client_id="mijn-onderwijs", **changes)
    assert open_provider(outside.settings()).claims_of(token)


def test_what_the_provider_never_issued_is_refused(outside: OpenIdProvider) -> None:
    stranger = RSAKey.generate_key(2048)
    with pytest.raises(UserTokenError, match="not active"):
        open_provider(outside.settings()).claims_of("made up")
    for kid in ("first", "second"):
        forged = jwt.encode({"alg": "RS256", "kid": kid}, claims(), stranger)
        with pytest.raises(UserTokenError, match="sign"):
            open_provider(by_keys(outside)).claims_of(forged)


@pytest.mark.parametrize("path", MISBEHAVING)
def test_a_provider_that_gives_no_answer_in_time_is_away(
    outside: OpenIdProvider, path: str
) -> None:
    asking = outside.settings(introspection_url=f"{outside.url}/{path}", timeout_seconds=0.2)
    with pytest.raises(ProviderAwayError):
        open_provider(asking).claims_of("x")


@pytest.mark.parametrize("kid", [["first"], {"first": 1}, 7, None, ""])
def test_key_id_of_another_type_names_no_key(outside: OpenIdProvider, kid: object) -> None:
    forged = signed(
        {"alg": "RS256", "typ": "at+jwt", "kid": kid}, claims(), RSAKey.generate_key(2048)
    )
    with pytest.raises(UserTokenError):
        open_provider(by_keys(outside)).claims_of(forged)


def test_id_token_is_not_accepted_as_an_access_token(outside: OpenIdProvider) -> None:
    with pytest.raises(UserTokenError, match="type"):
        open_provider(by_keys(outside)).claims_of(outside.token("id_token"))


@pytest.mark.parametrize(
    "changes",
    [{"nonce": "n"}, {"at_hash": "x"}, {"c_hash": "x"}, {"token_type": "N_A"}, {"token_type": 7}],
)
def test_introspected_id_token_is_not_accepted_as_an_access_token(
    outside: OpenIdProvider, changes: dict[str, Any]
) -> None:
    with pytest.raises(UserTokenError, match="access token"):
        open_provider(outside.settings()).claims_of(outside.token(**changes))
    token = outside.token(token_type="Bearer")
    assert open_provider(outside.settings()).claims_of(token)["active"]


def test_key_set_without_a_list_of_keys_has_none(outside: OpenIdProvider) -> None:
    with pytest.raises(UserTokenError):
        open_provider(by_keys(outside, "odd")).claims_of(outside.token("signed"))


@pytest.mark.parametrize("path", ["error", "half"])
def test_without_its_keys_a_provider_is_away(outside: OpenIdProvider, path: str) -> None:
    with pytest.raises(ProviderAwayError):
        open_provider(by_keys(outside, path)).claims_of(outside.token("signed"))


def test_a_provider_that_is_down_is_away(outside: OpenIdProvider) -> None:
    with pytest.raises(ProviderAwayError):
        open_provider(outside.settings(introspection_url="http://127.0.0.1:1/")).claims_of("x")


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
def test_a_file_that_cannot_be_used_is_named(
    outside: OpenIdProvider, tmp_path: Path, changes: dict[str, Any]
) -> None:
    file = tmp_path / "provider.json"
    good = outside.settings().model_dump(mode="json")
    file.write_text(json.dumps(good))
    assert ProviderSettings.read(file) == outside.settings()
    file.write_text(json.dumps(good | changes))
    with pytest.raises(ConfigurationError, match=r"provider\.json"):
        ProviderSettings.read(file)


def test_without_its_key_a_provider_cannot_be_asked(
    outside: OpenIdProvider, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=r"lost\.pem"):
        open_provider(outside.settings(client_key_file=tmp_path / "lost.pem"))
    with pytest.raises(ConfigurationError, match=r"lost\.json.* cannot be read"):
        ProviderSettings.read(tmp_path / "lost.json")
