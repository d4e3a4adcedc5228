"""corrections after release: superseded documents, downloads, and rebuilds that start on their own.

A trigger keeps number, reason and hash of each version of a document that is replaced or removed,
so that no build can forget it. The API records which version a school downloads.

A delivery requests the rebuild of the schools that it changes once feedback of the administration
is released. Until then, functions tell a reader that was to see the documents that they are being
rebuilt, and nobody else.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261209_corrections"
down_revision: str | None = "20261210_feedback_documents"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, WORKER = "toetsfeedback_api", "toetsfeedback_worker"
IMPORTER = "toetsfeedback_importer"
DEFINER = "security definer set search_path = public, pg_temp"
PRODUCT = "studentFeedback"
KINDS = ("fiche", "overview", "ficheBundle", "fichePrint")
REASONS = ("corrected", "newTemplate", "withdrawn")

SUPERSEDED_COLUMNS = (
    "document_id, version, kind, administration_id, school_id, class_group_id, student_id,"
    " component_ids, sha256, reason, built_at, superseded_at"
)
DOWNLOAD_COLUMNS = "document_id, version, school_id, downloaded_at"

IS_REACHED = f"school_id in (select unnest((select reached_schools('{PRODUCT}'))))"
SUPERSEDED_SEEN = f"""
create policy seen on superseded_documents for select to {API} using (
    product_of_document_kind(kind) = '{PRODUCT}' and {IS_REACHED}
    and component_ids <@ (select released_component_ids('{PRODUCT}'))::integer[]
    and administration_id || '/' || school_id
        <> all ((select recalled_schools('{PRODUCT}'))::text[])
)
"""
DOWNLOADS_SEEN = f"""
create policy seen on document_downloads for select to {API} using ({IS_REACHED})
"""

# School feedback lists its own versions.
OF_STUDENTS = f"product_of_document_kind(former.kind) = '{PRODUCT}'"
SUPERSEDED = """
    insert into superseded_documents (
        document_id, version, kind, administration_id, school_id, class_group_id, student_id,
        component_ids, sha256, reason, built_at
    )
    select former.id, former.version, former.kind, former.administration_id, former.school_id,
           former.class_group_id, former.student_id, former.component_ids, former.sha256,
           {reason}, former.built_at
    from former_rows former {others};
    return null;
"""
TRIGGERS = {
    "keep_replaced_documents": (
        "update",
        "old table as former_rows new table as changed_rows",
        SUPERSEDED.format(
            reason="case when changed.content_sha256 <> former.content_sha256"
            " then 'corrected' else 'newTemplate' end",
            others="join changed_rows changed using (id) where changed.version <> former.version"
            f" and {OF_STUDENTS}",
        ),
    ),
    "keep_removed_documents": (
        "delete",
        "old table as former_rows",
        SUPERSEDED.format(reason="'withdrawn'", others=f"where {OF_STUDENTS}"),
    ),
}

# It looks first, as most downloads are not the first one. The API has no other right to add rows.
RECORD_DOWNLOAD = f"""
create function record_download(document uuid, downloaded integer) returns void
language sql {DEFINER} as $$
    insert into document_downloads (document_id, version, school_id)
    select id, version, school_id from documents
    where id = document and version = downloaded and not exists (
        select from document_downloads earlier
        where earlier.document_id = document and earlier.version = downloaded
    )
    on conflict do nothing
$$
"""

# The build of a school replaces all rows of it, so that they all have the same revision.
BUILT_FACTS = f"""
create view built_facts as
select administration_id, school_id, facts_revision, component_ids,
       product_of_document_kind(kind) as product
from documents
union all
select administration_id, school_id, facts_revision, component_ids, '{PRODUCT}'
from missing_fiches
"""

# A new product of documents becomes an element of the array.
STATE_OF_DOCUMENTS = f"""
create function state_of_documents(school varchar, administration varchar) returns text
language plpgsql stable {DEFINER} as $$
declare
    sought varchar;
    asked varchar[] := array[administration];
    outdated varchar[];
    released integer[];
begin
    if administration is null then
        asked := array(
            select part.administration_id from participations part where part.school_id = school
        );
    end if;
    select array_agg(part.administration_id) into outdated from participations part
    where part.school_id = school and part.removed_at is null
      and part.administration_id = any (asked)
      and part.facts_revision <> (
          select built.facts_revision from built_facts built
          where built.administration_id = part.administration_id
            and built.school_id = part.school_id
          limit 1
      );
    foreach sought in array array['{PRODUCT}', 'schoolFeedback'] loop
        exit when outdated is null;
        released := released_component_ids(sought);
        if school = any (reached_schools(sought)) and exists (
            select from built_facts built
            where built.school_id = school and built.administration_id = any (outdated)
              and built.product = sought and built.component_ids <@ released
              and built.administration_id || '/' || school <> all (recalled_schools(sought))
        ) then
            return null;
        end if;
    end loop;
    return (
        select coalesce(
            string_agg(part.administration_id || ' ' || part.facts_revision, '/'
                       order by part.administration_id), ''
        )
        from participations part
        where part.school_id = school and part.administration_id = any (asked)
          and exists (
              select from built_facts built
              where built.administration_id = part.administration_id
                and built.school_id = part.school_id
          )
    );
end
$$
"""

# True of a document that is or was up to date: a reader that did not find it asks whether it was
# outdated then. Not of one of a student who has left.
DOCUMENT_IS_BEING_REBUILT = f"""
create function document_is_being_rebuilt(sought uuid) returns boolean
language sql stable {DEFINER} as $$
    select exists (
        select from documents document
        join participations part on part.administration_id = document.administration_id
            and part.school_id = document.school_id and part.removed_at is null
        left join class_groups class_group on class_group.id = document.class_group_id
        left join students student on student.id = document.student_id
        where document.id = visible_document(sought)
          and class_group.removed_at is null and student.removed_at is null
    )
$$
"""

# A request whose job has begun is a new one: the job may have read earlier facts.
REQUEST_REBUILDS = f"""
create function request_rebuilds(administration varchar, schools varchar[]) returns void
language sql {DEFINER} as $$
    insert into rebuild_requests as requested (administration_id, school_id)
    select part.administration_id, part.school_id from participations part
    where part.administration_id = administration and part.school_id = any (schools)
      and part.removed_at is null
      and exists (
        select from released_components released
        where released.administration_id = administration
          and released.product in ('{PRODUCT}', 'schoolFeedback')
      ) and exists (select from documents where documents.administration_id = administration)
    order by part.school_id
    on conflict (administration_id, school_id) do update
        set job_id = null, requested_at = excluded.requested_at
$$
"""
FUNCTIONS = {
    "record_download(uuid, integer)": (RECORD_DOWNLOAD, API),
    "state_of_documents(varchar, varchar)": (STATE_OF_DOCUMENTS, API),
    "document_is_being_rebuilt(uuid)": (DOCUMENT_IS_BEING_REBUILT, API),
    "request_rebuilds(varchar, varchar[])": (REQUEST_REBUILDS, f"{IMPORTER}, {WORKER}"),
}


def upgrade() -> None:
    op.add_column(
        "students",
        sa.Column("corrected_revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.execute(f"grant update (corrected_revision) on students to {IMPORTER}")
    _create_superseded_documents()
    _create_downloads()
    op.execute(BUILT_FACTS)
    for name, (event, tables, body) in TRIGGERS.items():
        op.execute(
            f"create function {name}() returns trigger language plpgsql {DEFINER} as"
            f" $$\nbegin{body}end\n$$"
        )
        op.execute(f"revoke execute on function {name} from public")
        op.execute(
            f"create trigger {name} after {event} on documents referencing {tables}"
            f" for each statement execute function {name}()"
        )
    for signature, (function, programs) in FUNCTIONS.items():
        op.execute(function)
        op.execute(f"revoke execute on function {signature} from public")
        op.execute(f"grant execute on function {signature} to {programs}")


def downgrade() -> None:
    for signature in FUNCTIONS:
        op.execute(f"drop function {signature}")
    for name in TRIGGERS:
        op.execute(f"drop trigger {name} on documents")
        op.execute(f"drop function {name}")
    op.execute("drop view built_facts")
    op.drop_table("document_downloads")
    op.drop_table("superseded_documents")
    op.drop_column("students", "corrected_revision")


def _moment(name: str) -> "sa.Column[object]":
    kind = sa.TIMESTAMP(timezone=True)
    return sa.Column(name, kind, server_default=sa.text("now()"), nullable=False)


def _create_superseded_documents() -> None:
    op.create_table(
        "superseded_documents",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("administration_id", sa.String(length=32), nullable=False),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        sa.Column("class_group_id", sa.Uuid(), nullable=True),
        sa.Column("student_id", sa.Uuid(), nullable=True),
        sa.Column("component_ids", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("built_at", sa.TIMESTAMP(timezone=True), nullable=False),
        _moment("superseded_at"),
        sa.CheckConstraint(f"kind in {KINDS}", name=op.f("ck_superseded_documents_kind_known")),
        sa.CheckConstraint(
            f"reason in {REASONS}", name=op.f("ck_superseded_documents_reason_known")
        ),
        sa.ForeignKeyConstraint(
            ["class_group_id"],
            ["class_groups.id"],
            name=op.f("fk_superseded_documents_class_group_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["student_id"],
            ["students.id"],
            name=op.f("fk_superseded_documents_student_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("document_id", "version", name=op.f("pk_superseded_documents")),
    )
    op.create_index(
        "ix_superseded_documents_school_id",
        "superseded_documents",
        ["school_id", "administration_id", "superseded_at"],
    )
    op.create_index("ix_superseded_documents_student_id", "superseded_documents", ["student_id"])
    op.create_index(
        "ix_superseded_documents_class_group_id", "superseded_documents", ["class_group_id"]
    )
    # EXPLAIN would show estimates of rows that the policy hides.
    for column in ("component_ids", "reason"):
        op.execute(f"alter table superseded_documents alter column {column} set statistics 0")
    op.execute("alter table superseded_documents enable row level security")
    op.execute(SUPERSEDED_SEEN)
    op.execute(f"grant select ({SUPERSEDED_COLUMNS}) on superseded_documents to {API}")


def _create_downloads() -> None:
    op.create_table(
        "document_downloads",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        _moment("downloaded_at"),
        sa.PrimaryKeyConstraint("document_id", "version", name=op.f("pk_document_downloads")),
    )
    op.execute("alter table document_downloads enable row level security")
    op.execute(DOWNLOADS_SEEN)
    op.execute(f"grant select ({DOWNLOAD_COLUMNS}) on document_downloads to {API}")
