"""JSON of openings, their manifests and approvals."""

import json
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import (
    Link,
    Page,
    RequestBody,
    ResponseDateTime,
    ResponseModel,
)
from shared.release_plans.openings import OpeningView
from shared.release_plans.rules import OpeningState
from shared.releases.models import Manifest as ManifestRow
from shared.releases.models import ManifestFinding as FindingRow
from shared.releases.openings import Blocker

HASH = r"^[0-9a-f]{64}$"
_HASH = "SHA-256 of the canonical content of the manifest."
HashOfManifest = Annotated[str, Field(pattern=HASH, description=_HASH)]


class NewApproval(RequestBody):
    """The approval of a manifest, named by its hash."""

    manifest_hash: HashOfManifest

    def content_hash(self) -> bytes:
        return bytes.fromhex(self.manifest_hash)


class ManifestSummary(ResponseModel):
    """The result of a verification: counts, and whether the opening is complete."""

    number: Annotated[int, Field(description="Its place among the manifests of the opening.")]
    hash: Annotated[str, Field(description=_HASH)]
    is_complete: Annotated[bool, Field(description="False with a fault: nothing opens.")]
    is_current: Annotated[
        bool, Field(description="False once facts or plan have changed: verify again.")
    ]
    counts: Annotated[dict[str, int], Field(examples=[{"schools": 2, "fiches": 52}])]
    made_at: ResponseDateTime

    @classmethod
    def of(cls, manifest: ManifestRow, epoch: int) -> Self:
        return cls(
            number=manifest.number,
            hash=manifest.content_hash.hex(),
            is_complete=manifest.is_complete,
            is_current=manifest.epoch == epoch,
            counts=manifest.counts,
            made_at=manifest.made_at,
        )


class Manifest(ManifestSummary):
    """The latest manifest of an opening, with its content and the signature over its hash."""

    content: Annotated[dict[str, Any], Field(description="What the hash is about, as JSON.")]
    signature: Annotated[str, Field(description="JWS by the key of the workers.")]

    @classmethod
    def with_content(cls, manifest: ManifestRow, epoch: int) -> Self:
        summary = ManifestSummary.of(manifest, epoch).model_dump()
        content = json.loads(manifest.content)
        return cls(**summary, content=content, signature=manifest.signature)


class OpeningApproval(ResponseModel):
    """The approval of the manifest by one person."""

    person_id: UUID
    approved_at: ResponseDateTime
    expires_at: ResponseDateTime
    voided_at: Annotated[
        ResponseDateTime | None,
        Field(description="Since when the person has no entitled client any more."),
    ] = None
    is_valid: Annotated[bool, Field(description="True if it counts at the moment of the opening.")]


class Opening(ResponseModel):
    """The moment at which a product opens for the windows that share it, or a recall ends."""

    href: Link
    id: UUID
    administration_id: str
    product: str
    opens_at: ResponseDateTime
    recall_id: Annotated[UUID | None, Field(description="The recall that it ends.")] = None
    state: OpeningState
    blocked_by: Annotated[
        Blocker | None, Field(description="The first reason for which it would not open.")
    ] = None
    components: Annotated[
        list[str],
        Field(description="Codes of the components that it opens.", examples=[["LO4-LEZ"]]),
    ]
    approvals_needed: int
    planned_by: Annotated[
        list[UUID], Field(description="The persons that planned it, who cannot approve it.")
    ]
    manifest: ManifestSummary | None = None
    approvals: list[OpeningApproval]

    @classmethod
    def of(cls, view: OpeningView, links: Links) -> Self:
        opening = view.opening
        manifest = view.manifest
        approvers = view.facts.approvers(view.facts.manifests[-1]) if manifest else frozenset()
        return cls(
            href=links.opening(opening.id),
            id=opening.id,
            administration_id=opening.administration_id,
            product=opening.product,
            opens_at=opening.opens_at,
            recall_id=opening.recall_id,
            state=view.state,
            blocked_by=view.blocker,
            components=list(view.components),
            approvals_needed=opening.approvals_needed,
            planned_by=sorted(view.facts.planners),
            manifest=ManifestSummary.of(manifest, opening.epoch) if manifest else None,
            approvals=[
                OpeningApproval(
                    person_id=one.person_id,
                    approved_at=one.approved_at,
                    expires_at=one.expires_at,
                    voided_at=one.voided_at,
                    is_valid=one.person_id in approvers,
                )
                for one in view.approvals
            ],
        )


class OpeningPage(Page):
    items: list[Opening]


class ManifestFinding(ResponseModel):
    """A fault, such as a document that a school lacks, or an exception that approvers sign."""

    kind: Annotated[str, Field(description="`fault` or `exception`.", examples=["fault"])]
    code: Annotated[str, Field(description="What it is.", examples=["ficheMissing"])]
    school_id: Annotated[str | None, Field(description="Absent when it is about all.")] = None
    student_id: UUID | None = None
    document_id: UUID | None = None

    @classmethod
    def of(cls, row: FindingRow) -> Self:
        return cls(
            kind=row.kind,
            code=row.code,
            school_id=row.school_id,
            student_id=row.student_id,
            document_id=row.document_id,
        )


class ManifestFindingPage(Page):
    items: list[ManifestFinding]
