"""initial schema: deliveries, results, documents, jobs, release windows and the audit log."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261123_chain"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


RELEASED_COMPONENTS = """
create view released_components as
select component.administration_id, decisive.product, component.id as component_id
from components component
cross join lateral (
    select distinct on (release_window.product) release_window.*
    from release_windows release_window
    where release_window.administration_id = component.administration_id
      and (release_window.target_group_id is null
           or release_window.target_group_id = component.target_group_id)
      and (release_window.component_id is null or release_window.component_id = component.id)
    order by release_window.product,
             release_window.component_id is not null desc,
             release_window.target_group_id is not null desc
) decisive
where component.removed_at is null
  and not component.is_calibration
  and not decisive.never
  and decisive.opens_at <= now()
  and (decisive.closes_at is null or now() < decisive.closes_at)
"""

APPEND_ONLY = """
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'rows of % are only ever added', tg_table_name;
end
$$;
create trigger audit_events_append_only before update or delete or truncate on audit_events
    for each statement execute function refuse_change()
"""


def upgrade() -> None:
    op.create_table(
        "administrations",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("school_year", sa.String(length=9), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("tested_from_on", sa.Date(), nullable=False),
        sa.Column("tested_until_on", sa.Date(), nullable=False),
        sa.CheckConstraint(
            "tested_from_on <= tested_until_on", name=op.f("ck_administrations_tested_in_order")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_administrations")),
    )
    op.create_table(
        "audit_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "occurred_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("client", sa.String(length=128), nullable=False),
        sa.Column("caller_kind", sa.String(length=16), nullable=False),
        sa.Column("caller_organisation", sa.String(length=6), nullable=True),
        sa.Column("organisation", sa.String(length=6), nullable=True),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("resource", sa.String(length=128), nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("trace_id", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "outcome in ('allowed', 'refused')", name=op.f("ck_audit_events_outcome_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    op.create_index(
        "ix_audit_events_school", "audit_events", ["organisation", "occurred_at"], unique=False
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reference", sa.String(length=128), nullable=True),
        sa.Column("administration_id", sa.String(length=32), nullable=True),
        sa.Column("mode", sa.String(length=16), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("content_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("storage_key", sa.String(length=200), nullable=True),
        sa.Column("received_from", sa.String(length=128), nullable=False),
        sa.Column(
            "received_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("finished_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column(
            "report",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.CheckConstraint("mode in ('full', 'correction')", name=op.f("ck_deliveries_mode_known")),
        sa.CheckConstraint(
            "status in ('received', 'applied', 'unchanged', 'refused')",
            name=op.f("ck_deliveries_status_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index(
        "uq_deliveries_applied_reference",
        "deliveries",
        ["reference"],
        unique=True,
        postgresql_where=sa.text("status = 'applied'"),
    )
    op.create_index(
        "uq_deliveries_applied_sequence",
        "deliveries",
        ["administration_id", "sequence"],
        unique=True,
        postgresql_where=sa.text("status = 'applied'"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("lane", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column(
            "arguments",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "state", sa.String(length=16), server_default=sa.text("'queued'"), nullable=False
        ),
        sa.Column("requested_by", sa.String(length=128), nullable=False),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("finished_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("problem", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint("lane in ('interactive', 'bulk')", name=op.f("ck_jobs_lane_known")),
        sa.CheckConstraint(
            "state in ('queued', 'running', 'done', 'failed', 'cancelled')",
            name=op.f("ck_jobs_state_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index("ix_jobs_created_at", "jobs", ["created_at"], unique=False)
    op.create_index(
        "uq_jobs_active_subject",
        "jobs",
        ["kind", "subject"],
        unique=True,
        postgresql_where=sa.text("state in ('queued', 'running')"),
    )
    op.create_table(
        "schools",
        sa.Column("id", sa.String(length=6), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("municipality", sa.String(length=100), nullable=False),
        sa.Column("main_structure", sa.String(length=3), nullable=False),
        sa.Column("successor_of", sa.String(length=6), nullable=True),
        sa.CheckConstraint("id ~ '^[0-9]{6}$'", name=op.f("ck_schools_id_six_digits")),
        sa.CheckConstraint(
            "main_structure ~ '^[0-9]{3}$'", name=op.f("ck_schools_main_structure_three_digits")
        ),
        sa.CheckConstraint(
            "successor_of ~ '^[0-9]{6}$'", name=op.f("ck_schools_successor_of_six_digits")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schools")),
    )
    op.create_table(
        "job_items",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column(
            "state", sa.String(length=16), server_default=sa.text("'queued'"), nullable=False
        ),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "due_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("nudged_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("lease_until_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("finished_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column(
            "outcome",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("problem", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "(state = 'running') = (lease_until_at is not null)",
            name=op.f("ck_job_items_lease_exactly_when_running"),
        ),
        sa.CheckConstraint(
            "state in ('queued', 'running', 'done', 'failed', 'cancelled')",
            name=op.f("ck_job_items_state_known"),
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_items_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_items")),
    )
    op.create_index(
        "ix_job_items_queued",
        "job_items",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_job_items_running",
        "job_items",
        ["lease_until_at"],
        unique=False,
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index("uq_job_items_subject", "job_items", ["job_id", "subject"], unique=True)
    op.create_table(
        "levels",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("administration_id", sa.String(length=32), nullable=False),
        sa.Column("level_scale", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=False),
        sa.Column("attains_basic_literacy", sa.Boolean(), nullable=True),
        sa.Column("attains_final_objectives", sa.Boolean(), nullable=True),
        sa.Column("removed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("ordinal >= 1", name=op.f("ck_levels_ordinal_from_one")),
        sa.ForeignKeyConstraint(
            ["administration_id"], ["administrations.id"], name=op.f("fk_levels_administration_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_levels")),
    )
    op.create_index(
        "uq_levels_code", "levels", ["administration_id", "level_scale", "code"], unique=True
    )
    op.create_table(
        "participations",
        sa.Column("administration_id", sa.String(length=32), nullable=False),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("municipality", sa.String(length=100), nullable=False),
        sa.Column("comparison_group", sa.String(length=50), nullable=True),
        sa.Column("facts_revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("removed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["administration_id"],
            ["administrations.id"],
            name=op.f("fk_participations_administration_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_participations_school_id")
        ),
        sa.PrimaryKeyConstraint("administration_id", "school_id", name=op.f("pk_participations")),
    )
    op.create_index("ix_participations_school_id", "participations", ["school_id"], unique=False)
    op.create_table(
        "target_groups",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("administration_id", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("education_level", sa.String(length=9), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.Column("stream", sa.String(length=32), nullable=True),
        sa.Column("removed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "education_level in ('lager', 'secundair')",
            name=op.f("ck_target_groups_education_level_known"),
        ),
        sa.ForeignKeyConstraint(
            ["administration_id"],
            ["administrations.id"],
            name=op.f("fk_target_groups_administration_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_target_groups")),
    )
    op.create_index(
        "uq_target_groups_code", "target_groups", ["administration_id", "code"], unique=True
    )
    op.create_table(
        "class_groups",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("administration_id", sa.String(length=32), nullable=False),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("target_group_id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=True),
        sa.Column("site_name", sa.String(length=200), nullable=True),
        sa.Column("removed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["administration_id", "school_id"],
            ["participations.administration_id", "participations.school_id"],
            name=op.f("fk_class_groups_administration_id_school_id"),
        ),
        sa.ForeignKeyConstraint(
            ["target_group_id"], ["target_groups.id"], name=op.f("fk_class_groups_target_group_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_groups")),
    )
    op.create_index(
        "uq_class_groups_name",
        "class_groups",
        ["administration_id", "school_id", "name"],
        unique=True,
    )
    op.create_table(
        "components",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("administration_id", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("target_group_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_calibration", sa.Boolean(), nullable=False),
        sa.Column("level_scale", sa.String(length=32), nullable=False),
        sa.Column("removed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "subject in ('nederlands', 'wiskunde')", name=op.f("ck_components_subject_known")
        ),
        sa.ForeignKeyConstraint(
            ["administration_id"],
            ["administrations.id"],
            name=op.f("fk_components_administration_id"),
        ),
        sa.ForeignKeyConstraint(
            ["target_group_id"], ["target_groups.id"], name=op.f("fk_components_target_group_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_components")),
    )
    op.create_index("uq_components_code", "components", ["administration_id", "code"], unique=True)
    op.create_table(
        "job_failures",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("problem", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["job_items.id"], name=op.f("fk_job_failures_item_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_failures")),
    )
    op.create_index("ix_job_failures_item_id", "job_failures", ["item_id"], unique=False)
    op.create_table(
        "level_descriptions",
        sa.Column("component_id", sa.Integer(), nullable=False),
        sa.Column("level_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(length=2000), nullable=False),
        sa.ForeignKeyConstraint(
            ["component_id"], ["components.id"], name=op.f("fk_level_descriptions_component_id")
        ),
        sa.ForeignKeyConstraint(
            ["level_id"], ["levels.id"], name=op.f("fk_level_descriptions_level_id")
        ),
        sa.PrimaryKeyConstraint("component_id", "level_id", name=op.f("pk_level_descriptions")),
    )
    op.create_table(
        "release_windows",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("administration_id", sa.String(length=32), nullable=False),
        sa.Column("product", sa.String(length=32), nullable=False),
        sa.Column("target_group_id", sa.Integer(), nullable=True),
        sa.Column("component_id", sa.Integer(), nullable=True),
        sa.Column("planned_from_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("opens_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("closes_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("never", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "updated_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "product in ('studentFeedback')", name=op.f("ck_release_windows_product_known")
        ),
        sa.CheckConstraint(
            "component_id is null or target_group_id is not null",
            name=op.f("ck_release_windows_component_within_target_group"),
        ),
        sa.CheckConstraint(
            "not never or (opens_at is null and closes_at is null)",
            name=op.f("ck_release_windows_never_has_no_moment"),
        ),
        sa.CheckConstraint(
            "opens_at < closes_at", name=op.f("ck_release_windows_opens_before_it_closes")
        ),
        sa.ForeignKeyConstraint(
            ["administration_id"],
            ["administrations.id"],
            name=op.f("fk_release_windows_administration_id"),
        ),
        sa.ForeignKeyConstraint(
            ["component_id"], ["components.id"], name=op.f("fk_release_windows_component_id")
        ),
        sa.ForeignKeyConstraint(
            ["target_group_id"],
            ["target_groups.id"],
            name=op.f("fk_release_windows_target_group_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_windows")),
    )
    op.create_index(
        "uq_release_windows_scope",
        "release_windows",
        ["administration_id", "product", "target_group_id", "component_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "students",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("administration_id", sa.String(length=32), nullable=False),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        sa.Column("class_group_id", sa.Uuid(), nullable=False),
        sa.Column("delivered_as", sa.String(length=64), nullable=False),
        sa.Column("family_name", sa.String(length=200), nullable=False),
        sa.Column("given_name", sa.String(length=200), nullable=False),
        sa.Column("stamnummer", sa.String(length=7), nullable=True),
        sa.Column("insz_hash", sa.LargeBinary(), nullable=True),
        sa.Column("removed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["administration_id"],
            ["administrations.id"],
            name=op.f("fk_students_administration_id"),
        ),
        sa.ForeignKeyConstraint(
            ["class_group_id"], ["class_groups.id"], name=op.f("fk_students_class_group_id")
        ),
        sa.ForeignKeyConstraint(["school_id"], ["schools.id"], name=op.f("fk_students_school_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_students")),
    )
    op.create_index(
        "ix_students_administration_delivered_as",
        "students",
        ["administration_id", "delivered_as"],
        unique=False,
    )
    op.create_index("ix_students_class_group_id", "students", ["class_group_id"], unique=False)
    op.create_index(
        "uq_students_delivered_as",
        "students",
        ["administration_id", "school_id", "delivered_as"],
        unique=True,
    )
    op.create_table(
        "documents",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("administration_id", sa.String(length=32), nullable=False),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        sa.Column("class_group_id", sa.Uuid(), nullable=True),
        sa.Column("student_id", sa.Uuid(), nullable=True),
        sa.Column("component_ids", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("storage_key", sa.String(length=200), nullable=False),
        sa.Column("byte_offset", sa.BigInteger(), nullable=False),
        sa.Column("byte_size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("content_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("template_version", sa.String(length=32), nullable=False),
        sa.Column("facts_revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column(
            "built_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(kind = 'fiche') = (student_id is not null)",
            name=op.f("ck_documents_fiche_of_a_student"),
        ),
        sa.CheckConstraint(
            "kind in ('fiche', 'overview', 'ficheBundle')", name=op.f("ck_documents_kind_known")
        ),
        sa.CheckConstraint(
            "byte_offset >= 0 and byte_size > 0", name=op.f("ck_documents_bytes_somewhere")
        ),
        sa.CheckConstraint(
            "cardinality(component_ids) > 0", name=op.f("ck_documents_shows_components")
        ),
        sa.ForeignKeyConstraint(
            ["administration_id"],
            ["administrations.id"],
            name=op.f("fk_documents_administration_id"),
        ),
        sa.ForeignKeyConstraint(
            ["class_group_id"], ["class_groups.id"], name=op.f("fk_documents_class_group_id")
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_documents_job_id")),
        sa.ForeignKeyConstraint(["school_id"], ["schools.id"], name=op.f("fk_documents_school_id")),
        sa.ForeignKeyConstraint(
            ["student_id"], ["students.id"], name=op.f("fk_documents_student_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
    )
    op.create_index("ix_documents_storage_key", "documents", ["storage_key"], unique=False)
    op.create_index("ix_documents_student_id", "documents", ["student_id"], unique=False)
    op.create_index(
        "uq_documents_identity",
        "documents",
        ["administration_id", "school_id", "kind", "class_group_id", "student_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "item_results",
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("component_id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        sa.Column("items", sa.ARRAY(sa.String(length=64)), nullable=False),
        sa.Column("correct", sa.ARRAY(sa.Boolean()), nullable=False),
        sa.CheckConstraint(
            "cardinality(items) = cardinality(correct)", name=op.f("ck_item_results_items_answered")
        ),
        sa.ForeignKeyConstraint(
            ["component_id"], ["components.id"], name=op.f("fk_item_results_component_id")
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_item_results_school_id")
        ),
        sa.ForeignKeyConstraint(
            ["student_id"], ["students.id"], name=op.f("fk_item_results_student_id")
        ),
        sa.PrimaryKeyConstraint("student_id", "component_id", name=op.f("pk_item_results")),
    )
    op.create_table(
        "results",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("administration_id", sa.String(length=32), nullable=False),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("component_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("level_id", sa.Integer(), nullable=True),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("superseded_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("superseded_by_delivery_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(status = 'reported') = (level_id is not null)",
            name=op.f("ck_results_level_exactly_when_reported"),
        ),
        sa.CheckConstraint(
            "status in ('reported', 'absent', 'exempt', 'notCompleted', 'notAssigned', 'withheld')",
            name=op.f("ck_results_status_known"),
        ),
        sa.CheckConstraint(
            "(superseded_at is null) = (superseded_by_delivery_id is null)",
            name=op.f("ck_results_superseded_by_a_delivery"),
        ),
        sa.ForeignKeyConstraint(
            ["administration_id"], ["administrations.id"], name=op.f("fk_results_administration_id")
        ),
        sa.ForeignKeyConstraint(
            ["component_id"], ["components.id"], name=op.f("fk_results_component_id")
        ),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_results_delivery_id")
        ),
        sa.ForeignKeyConstraint(["level_id"], ["levels.id"], name=op.f("fk_results_level_id")),
        sa.ForeignKeyConstraint(["school_id"], ["schools.id"], name=op.f("fk_results_school_id")),
        sa.ForeignKeyConstraint(
            ["student_id"], ["students.id"], name=op.f("fk_results_student_id")
        ),
        sa.ForeignKeyConstraint(
            ["superseded_by_delivery_id"],
            ["deliveries.id"],
            name=op.f("fk_results_superseded_by_delivery_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_results")),
    )
    op.create_index(
        "ix_results_current_school",
        "results",
        ["school_id", "administration_id"],
        unique=False,
        postgresql_where=sa.text("superseded_at is null"),
    )
    op.create_index(
        "uq_results_current",
        "results",
        ["student_id", "component_id"],
        unique=True,
        postgresql_where=sa.text("superseded_at is null"),
    )
    op.create_table(
        "scale_scores",
        sa.Column("result_id", sa.Uuid(), nullable=False),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        sa.Column("score", sa.Numeric(), nullable=False),
        sa.ForeignKeyConstraint(
            ["result_id"], ["results.id"], name=op.f("fk_scale_scores_result_id")
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_scale_scores_school_id")
        ),
        sa.PrimaryKeyConstraint("result_id", name=op.f("pk_scale_scores")),
    )
    op.execute(RELEASED_COMPONENTS)
    op.execute(APPEND_ONLY)


def downgrade() -> None:
    op.execute("drop view released_components")
    op.execute("drop function refuse_change() cascade")
    op.drop_table("scale_scores")
    op.drop_index(
        "uq_results_current",
        table_name="results",
        postgresql_where=sa.text("superseded_at is null"),
    )
    op.drop_index(
        "ix_results_current_school",
        table_name="results",
        postgresql_where=sa.text("superseded_at is null"),
    )
    op.drop_table("results")
    op.drop_table("item_results")
    op.drop_index(
        "uq_documents_identity", table_name="documents", postgresql_nulls_not_distinct=True
    )
    op.drop_index("ix_documents_student_id", table_name="documents")
    op.drop_index("ix_documents_storage_key", table_name="documents")
    op.drop_table("documents")
    op.drop_index("uq_students_delivered_as", table_name="students")
    op.drop_index("ix_students_class_group_id", table_name="students")
    op.drop_index("ix_students_administration_delivered_as", table_name="students")
    op.drop_table("students")
    op.drop_index(
        "uq_release_windows_scope", table_name="release_windows", postgresql_nulls_not_distinct=True
    )
    op.drop_table("release_windows")
    op.drop_table("level_descriptions")
    op.drop_index("ix_job_failures_item_id", table_name="job_failures")
    op.drop_table("job_failures")
    op.drop_index("uq_components_code", table_name="components")
    op.drop_table("components")
    op.drop_index("uq_class_groups_name", table_name="class_groups")
    op.drop_table("class_groups")
    op.drop_index("uq_target_groups_code", table_name="target_groups")
    op.drop_table("target_groups")
    op.drop_index("ix_participations_school_id", table_name="participations")
    op.drop_table("participations")
    op.drop_index("uq_levels_code", table_name="levels")
    op.drop_table("levels")
    op.drop_index("uq_job_items_subject", table_name="job_items")
    op.drop_index(
        "ix_job_items_running",
        table_name="job_items",
        postgresql_where=sa.text("state = 'running'"),
    )
    op.drop_index(
        "ix_job_items_queued", table_name="job_items", postgresql_where=sa.text("state = 'queued'")
    )
    op.drop_table("job_items")
    op.drop_table("schools")
    op.drop_index(
        "uq_jobs_active_subject",
        table_name="jobs",
        postgresql_where=sa.text("state in ('queued', 'running')"),
    )
    op.drop_index("ix_jobs_created_at", table_name="jobs")
    op.drop_table("jobs")
    op.drop_index(
        "uq_deliveries_applied_sequence",
        table_name="deliveries",
        postgresql_where=sa.text("status = 'applied'"),
    )
    op.drop_index(
        "uq_deliveries_applied_reference",
        table_name="deliveries",
        postgresql_where=sa.text("status = 'applied'"),
    )
    op.drop_table("deliveries")
    op.drop_index("ix_audit_events_school", table_name="audit_events")
    op.drop_table("audit_events")
    op.drop_table("administrations")
