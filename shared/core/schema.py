"""The schema that this version of the service needs, compared with that of a database.

`schema.json` is the snapshot of a database that the migrations built: their revisions, and the
rules of access, one line each. `make schema` writes it. A restore can lose the rules without a
failure: then every row policy and privilege is missing while every table is there.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg

from shared.core.errors import ConfigurationError

Connection = psycopg.Connection[Any]

ROLES = (
    "toetsfeedback_api",
    "toetsfeedback_auditor",
    "toetsfeedback_importer",
    "toetsfeedback_operator",
    "toetsfeedback_worker",
)
SNAPSHOT_FILE = files("shared.core") / "schema.json"
KINDS = "tables with row-level security", "row policies", "privileges"
SHOWN_RULES = 3

MIGRATE_REMEDY = "run `toetsfeedback migrate` as the owner of the database"
RESTORE_REMEDY = (
    "create the roles with `toetsfeedback migrate --roles-only`, and restore the backup into an "
    "empty database again (docs/operations.md)"
)

_OF_A_ROLE = f"(acl.grantee = 0 or r.rolname in {ROLES})"
_GRANTS = f"""
    aclexplode({{privileges}}) acl left join pg_roles r on r.oid = acl.grantee
    where {{relation}} and {_OF_A_ROLE}
"""
_IN_SCHEMA = "c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'S')"

_RULES = rf"""
select format('%s: row security', c.relname) from pg_class c where {_IN_SCHEMA} and relrowsecurity
union all
select format('%s: policy %s for %s to %s, condition %s', tablename, policyname, cmd,
              array_to_string(array(select unnest(roles)::text order by 1), ', '),
              left(md5(regexp_replace(concat_ws('|', qual, with_check), '[\s()]', '', 'g')), 8))
from pg_policies where schemaname = 'public'
union all
select format('%s: %s to %s', c.relname, acl.privilege_type, coalesce(r.rolname, 'PUBLIC'))
from pg_class c, {_GRANTS.format(privileges="c.relacl", relation=_IN_SCHEMA)}
union all
select format('%s: %s (%s) to %s', c.relname, acl.privilege_type,
              string_agg(a.attname, ', ' order by a.attname), coalesce(r.rolname, 'PUBLIC'))
from pg_class c join pg_attribute a on a.attrelid = c.oid and not a.attisdropped,
    {_GRANTS.format(privileges="a.attacl", relation=_IN_SCHEMA)}
group by c.relname, acl.privilege_type, r.rolname
union all
select format('%s: %s to %s', f.proname, acl.privilege_type, coalesce(r.rolname, 'PUBLIC'))
from pg_proc f, {
    _GRANTS.format(
        privileges="coalesce(f.proacl, acldefault('f', f.proowner))",
        relation="f.pronamespace = 'public'::regnamespace and not exists (select from pg_depend d"
        " where d.objid = f.oid and d.classid = 'pg_proc'::regclass and d.deptype = 'e')",
    )
}
"""

_STATE = """
select session_user, to_regclass('public.alembic_version') notnull,
       coalesce(has_any_column_privilege(to_regclass('public.alembic_version'), 'select'), false)
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The revisions of the migrations, oldest first, and the rules of access of the last one."""

    revisions: tuple[str, ...]
    rules: frozenset[str]

    @property
    def head(self) -> str:
        return self.revisions[-1]

    def as_json(self) -> str:
        content = {"revisions": list(self.revisions), "rules": sorted(self.rules)}
        return json.dumps(content, indent=1) + "\n"


@cache
def expected_snapshot() -> Snapshot:
    """Return the snapshot of this version of the service."""
    content = json.loads(SNAPSHOT_FILE.read_text(encoding="utf-8"))
    return Snapshot(tuple(content["revisions"]), frozenset(content["rules"]))


def read_rules(connection: Connection) -> frozenset[str]:
    """Return the rules of access of a database: row policies, and privileges of programs."""
    return frozenset(rule for (rule,) in connection.execute(_RULES).fetchall())


def read_revision(connection: Connection) -> str | None:
    """Return the revision of the schema; None before the first migration.

    Raises:
        ConfigurationError: when the login may not read it.
    """
    row = connection.execute(_STATE).fetchone()
    login, exists, is_readable = row or (None, False, False)
    if not exists:
        return None
    if not is_readable:
        raise ConfigurationError(
            f"the login {login} may not read the revision of the schema: {MIGRATE_REMEDY}, which "
            "grants that to the login of a program or finds what a restored database lacks"
        )
    row = connection.execute("select version_num from public.alembic_version").fetchone()
    return str(row[0]) if row else None


def require_known_revision(connection: Connection) -> str | None:
    """Return the revision of the schema; refuse that of a newer version of the service.

    Raises:
        ConfigurationError: names the revision.
    """
    revision, expected = read_revision(connection), expected_snapshot()
    if revision is not None and revision not in expected.revisions:
        raise ConfigurationError(
            f"the schema of the database is at revision {revision}, which this version of the "
            f"service does not know (its own is {expected.head}): a newer version has migrated the "
            "database. Run that version, or restore the backup made before the upgrade"
        )
    return revision


@dataclass(frozen=True, slots=True)
class RuleComparison:
    """The rules of one kind: how many are expected, and which are missing or were added."""

    kind: str
    expected: int
    missing: frozenset[str]
    added: frozenset[str]

    @property
    def is_equal(self) -> bool:
        return not (self.missing or self.added)

    def __str__(self) -> str:
        found = f"{self.expected - len(self.missing)} of {self.expected} {self.kind}"
        if self.missing:
            found += f", without {_some(self.missing)}"
        return found + (f", and in addition {_some(self.added)}" if self.added else "")


def compare_rules(connection: Connection) -> tuple[RuleComparison, ...]:
    """Compare the rules of access of each kind with the snapshot.

    Objects that the migrations did not create, such as those of monitoring, are left out.
    """
    expected = expected_snapshot().rules
    own = {_object_of(rule) for rule in expected}
    found = frozenset(rule for rule in read_rules(connection) if _object_of(rule) in own)
    return tuple(
        RuleComparison(
            kind,
            sum(_kind_of(rule) == kind for rule in expected),
            frozenset(rule for rule in expected - found if _kind_of(rule) == kind),
            frozenset(rule for rule in found - expected if _kind_of(rule) == kind),
        )
        for kind in KINDS
    )


def require_rules(connection: Connection) -> None:
    """Check that no row policy and no privilege is missing, and that there is none in addition.

    Raises:
        ConfigurationError: counts the differences and names some.
    """
    differences = [found for found in compare_rules(connection) if not found.is_equal]
    if differences:
        raise ConfigurationError(
            f"the database has {'; '.join(str(found) for found in differences)}. Do not use it: "
            f"{RESTORE_REMEDY}"
        )


def require_schema(connection: Connection) -> None:
    """Check the revision and the rules of access of a database.

    Raises:
        ConfigurationError: with the remedy.
    """
    revision, expected = require_known_revision(connection), expected_snapshot()
    if revision != expected.head:
        raise ConfigurationError(
            f"the schema of the database is at revision {revision or 'none'}, and this version of "
            f"the service needs {expected.head}: {MIGRATE_REMEDY}"
        )
    require_rules(connection)


def _object_of(rule: str) -> str:
    return rule.partition(": ")[0]


def _kind_of(rule: str) -> str:
    if rule.endswith(": row security"):
        return KINDS[0]
    return KINDS[1] if ": policy " in rule else KINDS[2]


def _some(rules: frozenset[str]) -> str:
    names = sorted(rules)[:SHOWN_RULES]
    return " + ".join(f"[{name}]" for name in names) + (" …" if len(rules) > SHOWN_RULES else "")
