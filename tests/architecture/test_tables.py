"""Every table has a row policy, or a reason in this file for having none."""

from sqlalchemy import Engine, text

SAME_FOR_EVERYONE = "the same for everyone: it has no data about a school"
WITHOUT_A_POLICY = {
    "alembic_version": "the revision of the schema, which every program compares with its own",
    "administrations": SAME_FOR_EVERYONE,
    "target_groups": SAME_FOR_EVERYONE,
    "components": SAME_FOR_EVERYONE,
    "reading_guides": SAME_FOR_EVERYONE,
    "levels": SAME_FOR_EVERYONE,
    "level_descriptions": SAME_FOR_EVERYONE,
    "insz_key": "a check value of one key; no data about a school or a student",
    "download_grants": "looked up by the hash of a secret; has no personal data",
    "stored_responses": "looked up by a hash of caller, operation and key; has no personal data",
    "schools": "the list of schools is public; participations are in their own table",
    "clients": "no data about a school or a student; looked up before the caller is known",
    "former_client_names": "no data about a school or a student; compared with new names",
    "locks": "names of what is locked, such as an administration; no data about a student",
    "client_keys": "public keys; looked up before the caller is known",
    "used_identifiers": "hashes of used identifiers; no data about a school",
    "revoked_tokens": "ids of tokens; no data about a school",
    "rebuild_requests": "numbers of schools; written by a function, and read by workers only",
    "workers": "the processes that run; no data about a school",
    "sign_ons": "scopes of a pseudonym; looked up before the caller is known",
}
VIEWS = {
    "released_components": "which components are open now is the same for everyone",
    "deciding_windows": "release windows are the same for everyone",
    "planned_components": "the plan is the same for everyone; it names no school",
    "approved_openings": "openings with enough approvals; it names no person and no school",
    "effective_openings": "openings that have opened are the same for everyone",
    "opened_components": "what would be open without recalls is the same for everyone",
    "first_readable_feedback": "since when components can be read; it names no school",
    "recalled_products": "products of which something is recalled; it names no school",
    "active_recalls": "read by operators; policies ask for the recalled schools of a product",
    "ended_recalls": "what openings have ended is the same for everyone; it names no school",
    "recalls_with_ends": "read by programs that import, which see every school",
    "blocked_openings": "a number for monitoring, the same for everyone",
    "queued_items": "counts for monitoring, the same for everyone; no data about a school",
    "waiting_items": "counts for monitoring, the same for everyone; no data about a school",
    "rebuilding_schools": "a number for monitoring, the same for everyone",
    "built_facts": "read by functions only, which ask about reach and gate; nobody may read it",
    "current_mandates": "asked by the policies themselves; names clients and schools, no pupil",
}


def names(engine: Engine, condition: str) -> set[str]:
    query = "select relname from pg_class where relnamespace = 'public'::regnamespace and "
    with engine.connect() as connection:
        return set(connection.scalars(text(query + condition)))


def test_every_table_has_row_level_security_or_a_reason(engine: Engine) -> None:
    assert names(engine, "relkind in ('r', 'p') and not relrowsecurity") == set(WITHOUT_A_POLICY)


def test_every_view_that_looks_past_policies_has_a_reason(engine: Engine) -> None:
    assert names(engine, "relkind in ('v', 'm')") == set(VIEWS)


def test_a_policy_works_out_once_a_statement_what_is_the_same_for_all_rows(engine: Engine) -> None:
    query = "select policyname, qual from pg_policies where qual ~ 'current_setting|released_comp'"
    with engine.connect() as connection:
        policies = connection.execute(text(query)).all()
    assert policies
    for _, condition in policies:
        for called in (
            "current_setting(",
            "reached_schools(",
            "released_component_ids(",
            "recalled_schools(",
        ):
            assert condition.count(called) == condition.count(f"SELECT {called}")
