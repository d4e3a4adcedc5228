from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from shared.access.rules import Caller, CallerKind
from shared.core.errors import ConfigurationError, InvalidAccessToken
from shared.oauth.signing_keys import SigningKeys
from shared.oauth.tokens import TokenAuthority

OPERATOR = Caller("steunpunt", CallerKind.OPERATOR, frozenset())
THUMBPRINT = ECKey.generate_key("P-256").thumbprint()
TODAY = datetime.now(UTC).date()
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


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(ECKey.generate_key("P-384").as_pem(private=True))
    public = tmp_path / "public.pem"
    public.write_bytes(ECKey.generate_key("P-256").as_pem(private=False))
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    for path in (other, public, nonsense, tmp_path / "missing.pem"):
        with pytest.raises(ConfigurationError, match=path.name):
            SigningKeys.read(path)


def test_a_key_out_of_an_example_signs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "example.pem"
    file.write_text(EXAMPLE)
    with pytest.raises(ConfigurationError, match=r"example\.pem holds the key of an example"):
        SigningKeys.read(file)


def test_a_directory_needs_a_key_whose_day_has_come(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="may sign today"):
        SigningKeys.read(tmp_path)
    new_key(tmp_path / f"{TODAY + DAY}.pem")
    with pytest.raises(ConfigurationError, match="may sign today"):
        SigningKeys.read(tmp_path)
    new_key(tmp_path / "newest.pem")
    with pytest.raises(ConfigurationError, match="from which day it signs"):
        SigningKeys.read(tmp_path)


def test_of_the_keys_whose_day_has_come_the_latest_signs(tmp_path: Path) -> None:
    for day in (TODAY - DAY, TODAY, TODAY + DAY):
        new_key(tmp_path / f"{day}.pem")
    today = ECKey.import_key((tmp_path / f"{TODAY}.pem").read_bytes())
    assert SigningKeys.read(tmp_path).signing.thumbprint() == today.thumbprint()


def test_a_rotation_drops_nobody(tmp_path: Path) -> None:
    """Any two processes that differ by one step take each other's tokens."""
    new_key(tmp_path / f"{TODAY - DAY}.pem")
    before = authority(tmp_path)
    coming = new_key(tmp_path / f"{TODAY + DAY}.pem")
    announced = authority(tmp_path)
    coming.rename(tmp_path / f"{TODAY}.pem")  # as if a day had passed
    turned = authority(tmp_path)
    (tmp_path / f"{TODAY - DAY}.pem").unlink()
    after = authority(tmp_path)
    for old, new in ((before, announced), (announced, turned), (turned, after)):
        assert old.verify(new.issue(OPERATOR, MINUTE, THUMBPRINT)).caller == OPERATOR
        assert new.verify(old.issue(OPERATOR, MINUTE, THUMBPRINT)).caller == OPERATOR
    with pytest.raises(InvalidAccessToken):
        after.verify(before.issue(OPERATOR, MINUTE, THUMBPRINT))


def test_what_is_published_has_no_private_half(tmp_path: Path) -> None:
    new_key(tmp_path / f"{TODAY}.pem")
    new_key(tmp_path / f"{TODAY + DAY}.pem")
    published = SigningKeys.read(tmp_path).public()["keys"]
    assert [sorted(key) for key in published] == [
        ["alg", "crv", "kid", "kty", "use", "x", "y"],
    ] * 2
