"""column privileges: the API locks no table, and reads no hash of an INSZ.

PostgreSQL lets a role lock a table if it has a privilege on the table as a whole, and one that may
update it, in every mode: one statement would stop every other request. Privileges on each column
permit the same reads and writes, and no LOCK TABLE. A later migration that adds a column has to
grant it to the role.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261129_column_privileges"
down_revision: str | None = "20261129_equal_refusals"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API = "toetsfeedback_api"

# For each table and view, and each privilege that the role has on it as a whole.
TO_COLUMNS = f"""
do $$
declare
    entry record;
begin
    for entry in
        select relation.relname as name, acl.privilege_type as privilege,
               (select string_agg(quote_ident(attname), ', ') from pg_attribute
                where attrelid = relation.oid and attnum > 0 and not attisdropped
                  and not (relation.relname = 'students' and attname = 'insz_hash')) as columns
        from pg_class relation, aclexplode(relation.relacl) acl
        where relation.relnamespace = 'public'::regnamespace and relation.relkind in ('r', 'v')
          and acl.grantee = '{API}'::regrole
          and acl.privilege_type in ('SELECT', 'INSERT', 'UPDATE')
    loop
        execute format('revoke %s on %I from {API}', entry.privilege, entry.name);
        execute format('grant %s (%s) on %I to {API}', entry.privilege, entry.columns, entry.name);
    end loop;
end
$$
"""

TO_TABLES = f"""
do $$
declare
    entry record;
begin
    for entry in
        select distinct relation.relname as name, acl.privilege_type as privilege
        from pg_class relation join pg_attribute on attrelid = relation.oid,
             aclexplode(attacl) acl
        where relation.relnamespace = 'public'::regnamespace and acl.grantee = '{API}'::regrole
    loop
        execute format('revoke %s on %I from {API}', entry.privilege, entry.name);
        execute format('grant %s on %I to {API}', entry.privilege, entry.name);
    end loop;
end
$$
"""


def upgrade() -> None:
    op.execute(TO_COLUMNS)


def downgrade() -> None:
    op.execute(TO_TABLES)
