"""A check: a set of rows that break a rule, and the words for it."""

from dataclasses import dataclass

from shared.deliveries.delivery_format import FileFormat


@dataclass(frozen=True, slots=True)
class Check:
    """`query` selects line, value and context of each breach; `detail` may quote `{context}`.

    The context is a number of this delivery, never a value. The check means nothing, and is left
    out, while rows of a file in `needs` could not be read.
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


def unique(file: FileFormat) -> Check:
    key = ", ".join(file.key)
    present = " and ".join(f"{name} is not null" for name in file.key)
    return Check(
        "duplicateKey",
        file,
        file.key[0],
        f"""select s.line, s.{file.key[0]} as value, k.first_line as context
            from {file.table} s join (
                select {key}, min(line) as first_line from {file.table} where {present}
                group by {key} having count(*) > 1
            ) k using ({key}) where s.line > k.first_line""",
        f"The same {key.replace(', ', ' and ')} is on line {{context}} already.",
        "Deliver each key once.",
    )


def refers(
    file: FileFormat,
    column: str,
    known: str,
    needs: FileFormat,
    on: str = "",
    only: str = "true",
) -> Check:
    on = on or f"k.{column} = s.{column}"
    return Check(
        "danglingReference",
        file,
        column,
        f"""select s.line, s.{column} as value, null as context from {file.table} s
            where s.{column} is not null and {only}
              and not exists (select from {known} k where {on})""",
        f"The value refers to a row that is not in {needs.name}.",
        f"Add the row to {needs.name}, or correct the reference.",
        (needs,),
    )
