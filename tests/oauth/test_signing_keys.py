from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from shared.access.rules import Caller, CallerKind
from shared.core.errors import ConfigurationError, InvalidAccessToken
from shared.oauth.signing_keys import SigningKeys
from shared.oauth.tokens import TokenAuthority

OPERATOR = Caller("steunpunt", CallerKind.OPERATOR, frozenset())
THUMBPRINT = ECKey.generate_key("P-256").thumbprint()
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def new_key(file: Path) -> Path:
    file.write_bytes(ECKey.generate_key("P-256").as_pem(private=True))
    return file


EXAMPLE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2
OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r
1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G
-----END PRIVATE KEY-----
"""


def authority(path: Path) -> TokenAuthority:
    return TokenAuthority(SigningKeys.read(path), "urn:issuer", "urn:audience")


def test_the_error_names_an_invalid_key_file(tmp_path: Path) -> None:
    other_curve = tmp_path / "other.pem"
    other_curve.write_bytes(ECKey.generate_key("P-384").as_pem(private=True))
    public = tmp_path / "public.pem"
    public.write_bytes(ECKey.generate_key("P-256").as_pem(private=False))
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    for path in (other_curve, public, nonsense, tmp_path / "missing.pem"):
        with pytest.raises(ConfigurationError, match=path.name):
            SigningKeys.read(path)


def test_a_published_example_key_is_rejected(tmp_path: Path) -> None:
    file = tmp_path / "example.pem"
    file.write_text(EXAMPLE)
    with pytest.raises(
        ConfigurationError, match=r"example\.pem contains the key of a published example"
    ):
        SigningKeys.read(file)


@pytest.fixture
def today() -> date:
    return datetime.now(UTC).date()


def test_a_directory_requires_a_key_that_is_active_today(tmp_path: Path, today: date) -> None:
    with pytest.raises(ConfigurationError, match="may sign today"):
        SigningKeys.read(tmp_path)
    new_key(tmp_path / f"{today + DAY}.pem")
    with pytest.raises(ConfigurationError, match="may sign today"):
        SigningKeys.read(tmp_path)
    new_key(tmp_path / "newest.pem")
    with pytest.raises(ConfigurationError, match="from which day it signs"):
        SigningKeys.read(tmp_path)


def test_the_newest_active_key_signs(tmp_path: Path, today: date) -> None:
    for day in (today - DAY, today, today + DAY):
        new_key(tmp_path / f"{day}.pem")
    key = ECKey.import_key((tmp_path / f"{today}.pem").read_bytes())
    assert SigningKeys.read(tmp_path).signing.thumbprint() == key.thumbprint()


def test_tokens_stay_valid_during_a_rotation(tmp_path: Path, today: date) -> None:
    """Any two processes that differ by one step accept each other's tokens."""
    new_key(tmp_path / f"{today - DAY}.pem")
    before = authority(tmp_path)
    next_key = new_key(tmp_path / f"{today + DAY}.pem")
    with_next_key = authority(tmp_path)
    next_key.rename(tmp_path / f"{today}.pem")  # as if a day had passed
    rotated = authority(tmp_path)
    (tmp_path / f"{today - DAY}.pem").unlink()
    after = authority(tmp_path)
    for old, new in ((before, with_next_key), (with_next_key, rotated), (rotated, after)):
        assert old.verify(new.issue(OPERATOR, MINUTE, THUMBPRINT)).caller == OPERATOR
        assert new.verify(old.issue(OPERATOR, MINUTE, THUMBPRINT)).caller == OPERATOR
    with pytest.raises(InvalidAccessToken):
        after.verify(before.issue(OPERATOR, MINUTE, THUMBPRINT))


def test_published_keys_have_no_private_half(tmp_path: Path, today: date) -> None:
    new_key(tmp_path / f"{today}.pem")
    new_key(tmp_path / f"{today + DAY}.pem")
    published = SigningKeys.read(tmp_path).as_jwk_set()["keys"]
    assert [sorted(key) for key in published] == [
        ["alg", "crv", "kid", "kty", "use", "x", "y"],
    ] * 2
