"""Every table is behind a policy, or says here why it need not be."""

from sqlalchemy import Engine, text

SAME_FOR_EVERYONE = "the same for everyone: it says nothing about a school"
WITHOUT_A_POLICY = {
    "alembic_version": "no program may read it: it is for who migrates",
    "administrations": SAME_FOR_EVERYONE,
    "target_groups": SAME_FOR_EVERYONE,
    "components": SAME_FOR_EVERYONE,
    "levels": SAME_FOR_EVERYONE,
    "level_descriptions": SAME_FOR_EVERYONE,
    "download_grants": "looked up by the hash of a secret; names no pupil",
    "stored_responses": "found by a hash of caller, operation and key alone; names no pupil",
    "schools": "who a school is, is public; which take part in what is in participations",
    "clients": "says nothing about a school or a pupil; who asks is looked up before it is known",
    "client_keys": "public keys, looked up before it is known who asks",
    "used_identifiers": "hashes of what was used, the same for everyone",
    "revoked_tokens": "ids of tokens, the same for everyone",
    "sign_ons": "scopes of a pseudonym; looked up before it is known who asks",
}
VIEWS = {
    "released_components": "which components are open now is the same for everyone",
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
        for called in ("current_setting(", "reached_schools(", "released_component_ids("):
            assert condition.count(called) == condition.count(f"SELECT {called}")
