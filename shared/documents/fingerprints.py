"""Fingerprints of documents: a hash of the content, which detects that a document is outdated."""

from datetime import date
from hashlib import sha256
from json.encoder import encode_basestring_ascii
from typing import Any

from shared.core.identity_cache import IdentityCache
from shared.documents.content import (
    AdministrationFacts,
    FicheContent,
    OverviewColumn,
    OverviewContent,
    SchoolFacts,
    SubjectSection,
)
from shared.documents.hand_out_lists.content import HandOutListContent
from shared.documents.school_feedback.content import SchoolFeedbackContent
from shared.documents.viewing_periods import ViewingPeriod

_SHARED = (AdministrationFacts, OverviewColumn, SchoolFacts, SubjectSection, ViewingPeriod)
"""Classes whose objects many students or schools share; their JSON is cached by object."""
_MAX_SHARED = 1024


def content_sha256(
    content: FicheContent | HandOutListContent | OverviewContent | SchoolFeedbackContent,
) -> bytes:
    """Return the SHA-256 of the content as canonical JSON, the same on every machine.

    A new or renamed field changes the hash, so that documents with the previous fields are rebuilt.
    """
    canonical = f'{{"{type(content).__name__}":{_members(content)}}}'
    return sha256(canonical.encode("ascii")).digest()


def _json(value: Any) -> str:
    """Return canonical JSON: ASCII without spaces, members sorted by name."""
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if value is None:
        return "null"
    if isinstance(value, tuple):
        return f"[{','.join(map(_json, value))}]"
    if isinstance(value, int | float):
        return str(value).lower()  # true and false are integers
    if isinstance(value, date):
        return f'"{value.isoformat()}"'
    return _shared_members(value) if isinstance(value, _SHARED) else _members(value)


def _members(facts: Any) -> str:
    members = [f'"{name}":{_json(getattr(facts, name))}' for name in sorted(facts.__slots__)]
    return f"{{{','.join(members)}}}"


_shared_members = IdentityCache(_members, _MAX_SHARED)
