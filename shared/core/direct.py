"""A connection to PostgreSQL that sends what it has prepared itself, with little around it.

Psycopg's cursors work out anew, each time a statement is sent, what is always the same. And each
answer that is waited for has a processor go to sleep and be woken, here and in the server.
"""

import select
from collections.abc import Generator, Iterator, Sequence
from itertools import count
from typing import Any

import psycopg
from psycopg import IsolationLevel
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

Rows = list[tuple[Any, ...]]

_Sent = tuple[bytes, Sequence[Any]]
"""SQL, and its values."""

_BEGIN: dict[IsolationLevel | None, bytes] = {None: b"begin"} | {
    level: f"begin isolation level {level.name.replace('_', ' ')}".encode()
    for level in IsolationLevel
}
_DONE = {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}


class DirectConnection(psycopg.Connection[Any]):
    """All that psycopg's own is, and `rows` and `add_to_commit` for SQL with `$1` and so on.

    They take and give the values as text. What fails raises psycopg.Error, as with `execute`.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._names: dict[bytes, bytes] = {}
        self._numbers = count()
        self._has_failed = False
        self._with_commit: list[_Sent] = []
        self._translated = Transformer.from_context(self)
        self._line = select.poll()
        self._line.register(self.fileno())

    def rows(self, sql: bytes, values: Sequence[Any]) -> Rows:
        """What the database answers, in the transaction that is open or else begins with it."""
        *_, answer = self._answers([*self._begin(), (sql, values)])
        self._translated.set_pgresult(answer)
        rows: Rows = self._translated.load_rows(0, answer.ntuples, tuple)
        self._translated.set_pgresult(None)
        return rows

    def add_to_commit(self, sql: bytes, values: Sequence[Any]) -> None:
        """Sends it in one message with the commit, or not at all; what it answers is not looked at.

        The commit then fails if it does.
        """
        self._with_commit.append((sql, values))

    def commit(self) -> None:
        last, self._with_commit = self._with_commit, []
        if last:
            self._answers([*self._begin(), *last, (b"commit", [])])
        else:
            super().commit()

    def rollback(self) -> None:
        """Has what failed prepared anew: it may have been prepared for tables as they were."""
        self._with_commit.clear()
        super().rollback()
        if self._has_failed:
            for name in self._names.values():
                self.pgconn.exec_(b"deallocate " + name)
            self._names.clear()
            self._has_failed = False

    def _deallocate(self, name: bytes | None) -> Generator[Any, Any, None]:
        """Psycopg has the server forget all that is prepared, without a name: after a savepoint."""
        if name is None:
            self._names.clear()
        return super()._deallocate(name)

    def _begin(self) -> Iterator[_Sent]:
        if self.pgconn.transaction_status != TransactionStatus.IDLE:
            return
        if self.autocommit or self.read_only or self.deferrable:
            raise psycopg.NotSupportedError("it begins transactions that write and end only")
        yield _BEGIN[self.isolation_level], []

    def _answers(self, sent: Sequence[_Sent]) -> list[PGresult]:
        """What the server answers to each; they go in one message."""
        try:
            named = [(self._name(sql), self._as_text(values)) for sql, values in sent]
            answers = self._alone(*named) if len(named) == 1 else self._together(named)
            if len(answers) != len(sent):
                raise psycopg.OperationalError("the server has hung up")
            return [_done(answer) for answer in answers]
        except psycopg.Error:
            self._has_failed = True
            raise

    def _name(self, sql: bytes) -> bytes:
        """Of what is prepared once for all times that it is sent."""
        name = self._names.get(sql)
        if name is None:
            name = b"direct_%d" % next(self._numbers)
            _done(self.pgconn.prepare(name, sql))
            self._names[sql] = name
        return name

    def _as_text(self, values: Sequence[Any]) -> Any:
        return self._translated.dump_sequence(values, [PyFormat.TEXT] * len(values))

    def _alone(self, named: tuple[bytes, Any]) -> list[PGresult]:
        return [self.pgconn.exec_prepared(*named)]

    def _together(self, named: Sequence[tuple[bytes, Any]]) -> list[PGresult]:
        server = self.pgconn
        try:
            server.enter_pipeline_mode()
            for name, values in named:
                server.send_query_prepared(name, values)
            server.pipeline_sync()
            answers = [*self._arriving()]
        except BaseException:
            self.close()  # answers that nobody waits for any more would come first
            raise
        if server.status != ConnStatus.BAD:
            server.exit_pipeline_mode()
        return answers

    def _arriving(self) -> Iterator[PGresult]:
        """Up to the end of the message; others go on meanwhile, for `poll` lets go of the lock."""
        server = self.pgconn
        while server.status != ConnStatus.BAD:
            while server.is_busy():
                both = select.POLLIN | (select.POLLOUT if server.flush() else 0)
                self._line.modify(self.fileno(), both)
                self._line.poll()
                server.consume_input()
            answer = server.get_result()
            if answer is not None and answer.status == ExecStatus.PIPELINE_SYNC:
                return
            if answer is not None:
                yield answer


def _done(answer: PGresult) -> PGresult:
    """Raises the error that it tells of."""
    if answer.status in _DONE:
        return answer
    if answer.error_field(DiagnosticField.SQLSTATE) is None:
        raise psycopg.OperationalError(answer.get_error_message())
    raise error_from_result(answer)
