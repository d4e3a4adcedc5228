"""The settings of the portal, and their documentation."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.portal.settings import PortalConfigurationError, PortalSettings

DOCUMENT = (Path(__file__).parents[2] / "docs" / "portal.md").read_text(encoding="utf-8")
SETTING = re.compile(
    r"^\| `TOETSFEEDBACK_PORTAL_(\w+)` \| (?:`([^`]*)`|required) \| (.+) \|$", re.MULTILINE
)
VALID: dict[str, Any] = {
    "url": "https://portal.example",
    "api_url": "https://api.example",
    "client_id": "0195d2a4-7c1e-4b5a-9f00-abcdefabcdef",
    "client_key_file": "portal.pem",
    "redis_url": "redis://localhost",
    "provider_url": "https://provider.example",
    "provider_client_id": "portal",
}


def test_document_lists_every_setting_with_its_default_and_meaning() -> None:
    documented = {
        name.lower(): (default, text) for name, default, text in SETTING.findall(DOCUMENT)
    }
    expected = {
        name: ("" if field.is_required() else str(field.default), field.description)
        for name, field in PortalSettings.model_fields.items()
    }
    assert documented == expected


@pytest.mark.parametrize("name", ["url", "api_url", "provider_url"])
@pytest.mark.parametrize(
    "address", ["http://portal.example", "portal.example", "https://a.example/", "https://a?b"]
)
def test_address_without_protection_is_refused(name: str, address: str) -> None:
    with pytest.raises(ValidationError):
        PortalSettings.model_validate(VALID | {name: address})


def test_missing_variables_are_named_without_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOETSFEEDBACK_PORTAL_URL", "http://secret.example")
    with pytest.raises(PortalConfigurationError) as raised:
        PortalSettings.from_environment()
    assert "TOETSFEEDBACK_PORTAL_API_URL" in str(raised.value)
    assert "secret" not in str(raised.value)
