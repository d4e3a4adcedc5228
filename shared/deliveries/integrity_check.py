"""An integrity check of the staged rows: a query for the violations, and their fault."""

from dataclasses import dataclass

from shared.deliveries.file_format import FileFormat


@dataclass(frozen=True, slots=True)
class IntegrityCheck:
    """A rule that every row of a delivery must satisfy.

    `query` selects line, value and context of each violation; `detail` may quote `{context}`, a
    line number. The check is skipped if rows of a file in `needs` could not be read.

    With `reads_stored`, the outcome for a correction depends on stored rows about students. The
    report then locates no violation: it would tell what is stored. `is_warning_in_full` is
    for a fault of a correction that is a warning in a full delivery.
    """

    kind: str
    file: FileFormat
    column: str
    query: str
    detail: str
    remedy: str
    needs: tuple[FileFormat, ...] = ()
    is_warning: bool = False
    is_for_corrections: bool = False
    reads_stored: bool = False
    is_warning_in_full: bool = False


def has_nothing_in_common(one: str, other: str) -> str:
    """Return SQL of whether two names differ and have no word in common.

    Case and marks on letters make no difference.
    """
    words = (
        "array_remove(regexp_split_to_array(lower(regexp_replace("
        "normalize({}, nfkd), '[\u0300-\u036f]', '', 'g')), '[[:space:][:punct:]]+'), '')"
    )
    return f"{one} <> {other} and not {words.format(one)} && {words.format(other)}"


def equal_values_check(
    kind: str, file: FileFormat, columns: tuple[str, ...], detail: str, *, is_warning: bool = False
) -> IntegrityCheck:
    """Return the check that no two rows have the same values; the last column is the faulty one."""
    names = ", ".join(columns)
    return IntegrityCheck(
        kind,
        file,
        columns[-1],
        f"""select s.line, s.{columns[-1]} as value, k.first_line as context
            from {file.table} s join (
                select {names}, min(line) as first_line from {file.table}
                group by {names} having count(distinct {file.key[-1]}) > 1
            ) k using ({names}) where s.line > k.first_line""",
        f"{detail} the same {columns[-1]} (line {{context}}).",
        "Correct one of the two.",
        is_warning=is_warning,
    )


def unique_key_check(file: FileFormat) -> IntegrityCheck:
    """Return the check that no two rows of the file have the same key."""
    key = ", ".join(file.key)
    present = " and ".join(f"{name} is not null" for name in file.key)
    return IntegrityCheck(
        "duplicateKey",
        file,
        file.key[0],
        f"""select s.line, s.{file.key[0]} as value, k.first_line as context
            from {file.table} s join (
                select {key}, min(line) as first_line from {file.table} where {present}
                group by {key} having count(*) > 1
            ) k using ({key}) where s.line > k.first_line""",
        f"The same {key.replace(', ', ' and ')} is already on line {{context}}.",
        "Write each key once.",
    )


def foreign_key_check(
    file: FileFormat,
    column: str,
    view: str,
    needs: FileFormat,
    on: str = "",
    only: str = "true",
    *,
    reads_stored: bool = False,
) -> IntegrityCheck:
    """Return the check that the column refers to a row of the view, by default of the same name.

    Rows that do not satisfy the condition `only` are skipped.
    """
    on = on or f"k.{column} = s.{column}"
    return IntegrityCheck(
        "danglingReference",
        file,
        column,
        f"""select s.line, s.{column} as value, null as context from {file.table} s
            where s.{column} is not null and {only}
              and not exists (select from {view} k where {on})""",
        f"The value refers to a row that does not exist in {needs.name}.",
        f"Add the row to {needs.name}, or correct the value.",
        (needs,),
        reads_stored=reads_stored,
    )
