"""Existing rows get the keys that new rows get."""

from sqlalchemy import Engine, text

from migrations.upgrade import migrate
from shared.core.collation import class_list_key, sort_key

CATALOGUE = """
insert into administrations values ('2024', '2023-2024', 'x', '2024-1-1', '2024-1-2');
insert into target_groups (administration_id, code, name, education_level, grade)
    values ('2024', 'LO4', 'x', 'lager', 4);
insert into schools (id, name, municipality, main_structure) values ('000028', 'x', 'x', '211');
insert into participations (administration_id, school_id, name, municipality)
    values ('2024', '000028', 'x', 'x');
"""
CLASS_GROUP = """
insert into class_groups (administration_id, school_id, name, target_group_id)
    select '2024', '000028', :name, id from target_groups
"""
STUDENT = """
insert into students (administration_id, school_id, class_group_id, delivered_as, family_name,
                      given_name)
    select '2024', '000028', id, :code, :family_name, :given_name
    from class_groups where name = :class_group
"""
CLIENT = "insert into clients (name, kind, scopes) values (:name, 'integrator', '{}')"
PERSON = "insert into persons (name) values (:name)"
CLASS_GROUPS = ("2A", "10A", "4-2 b\u00e9", "Ø 1_2", "٣A")
NAMES = ("Çelik", "D'Hondt", "de Smet", "Øster ß", "İnce", "\u00c5s", "A\u030as", "x" * 200, "")


def test_existing_rows_get_the_keys_of_new_rows(empty: Engine) -> None:
    migrate(empty, "20261130_monitoring")
    pupils = [
        (group, name, NAMES[-number]) for group in CLASS_GROUPS for number, name in enumerate(NAMES)
    ]
    with empty.begin() as connection:
        for statement in CATALOGUE.split(";\n")[:-1]:
            connection.execute(text(statement))
        for group in CLASS_GROUPS:
            connection.execute(text(CLASS_GROUP), {"name": group})
        for number, (group, family_name, given_name) in enumerate(pupils):
            names = {"family_name": family_name, "given_name": given_name}
            values = {"class_group": group, "code": f"s{number}", **names}
            connection.execute(text(STUDENT), values)
        for name in NAMES:
            connection.execute(text(CLIENT), {"name": name})
            connection.execute(text(PERSON), {"name": name})
    migrate(empty)
    expected = {
        f"s{number}": class_list_key(group, family_name, given_name, f"s{number}")
        for number, (group, family_name, given_name) in enumerate(pupils)
    }
    with empty.begin() as connection:
        students = connection.execute(text("select delivered_as, sort_key from students"))
        assert dict(students.all()) == expected
        for table in ("class_groups", "clients", "persons"):
            rows = connection.execute(text(f"select name, sort_key from {table}")).all()
            assert rows
            assert all(key == sort_key(name) for name, key in rows)
