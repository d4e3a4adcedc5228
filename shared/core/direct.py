"""A connection to PostgreSQL that sends what it has prepared itself, with little around it.

Psycopg's cursors work out anew, each time a statement is sent, what is always the same. And each
answer that is waited for has a processor go to sleep and be woken, here and in the server.
"""

import select
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

Rows = list[tuple[Any, ...]]

_Sent = tuple[bytes, Any]
"""The name of what was prepared, and the values for it."""

_DONE = {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}


class DirectConnection(psycopg.Connection[Any]):
    """All that psycopg's own is, and `rows` and `add_to_commit` for SQL with `$1` and so on.

    They take and give the values as text. What fails raises psycopg.Error, as with `execute`.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._names: dict[bytes, bytes] = {}
        self._with_commit: list[_Sent] = []
        self._translated = Transformer.from_context(self)
        self._arriving = select.poll()
        self._arriving.register(self.fileno(), select.POLLIN)

    def rows(self, sql: bytes, values: Sequence[Any]) -> Rows:
        """What the database answers, in the transaction that is open or else begins with it."""
        *_, answer = self._answers([*self._begin(), self._sent(sql, values)])
        self._translated.set_pgresult(answer)
        return self._translated.load_rows(0, answer.ntuples, tuple)

    def add_to_commit(self, sql: bytes, values: Sequence[Any]) -> None:
        """Sends it in one message with the commit, or not at all; what it answers is not looked at.

        The commit then fails if it does.
        """
        self._with_commit.append(self._sent(sql, values))

    def commit(self) -> None:
        last, self._with_commit = self._with_commit, []
        if last:
            self._answers([*self._begin(), *last, (self._name(b"commit"), [])])
        else:
            super().commit()

    def rollback(self) -> None:
        self._with_commit.clear()
        if self.pgconn.transaction_status != TransactionStatus.IDLE:
            self._names.clear()  # what failed may have been prepared for tables as they were
        super().rollback()

    def _deallocate(self, name: bytes | None) -> Generator[Any, Any, None]:
        """Psycopg has the server forget all that is prepared, without a name: after a savepoint."""
        if name is None:
            self._names.clear()
        return super()._deallocate(name)

    def _begin(self) -> Iterator[_Sent]:
        if self.pgconn.transaction_status == TransactionStatus.IDLE:
            yield self._name(b"begin"), []

    def _sent(self, sql: bytes, values: Sequence[Any]) -> _Sent:
        formats = [PyFormat.TEXT] * len(values)
        return self._name(sql), self._translated.dump_sequence(values, formats)

    def _name(self, sql: bytes) -> bytes:
        """Of what is prepared once for all times that it is sent."""
        name = self._names.get(sql)
        if name is None:
            name = b"direct_%d" % len(self._names)
            _done(self.pgconn.close_prepared(name))
            _done(self.pgconn.prepare(name, sql))
            self._names[sql] = name
        return name

    def _answers(self, sent: Sequence[_Sent]) -> list[PGresult]:
        """What the server answers to each; they go in one message."""
        server = self.pgconn
        if len(sent) == 1:
            return [_done(server.exec_prepared(*sent[0]))]
        server.enter_pipeline_mode()
        for name, values in sent:
            server.send_query_prepared(name, values)
        server.pipeline_sync()
        answers = [*self._arrived()]
        if server.status != ConnStatus.BAD:
            server.exit_pipeline_mode()
        answers = [_done(answer) for answer in answers]
        if len(answers) != len(sent):
            raise psycopg.OperationalError("the server has hung up")
        return answers

    def _arrived(self) -> Iterator[PGresult]:
        server = self.pgconn
        while server.status != ConnStatus.BAD:
            while server.is_busy():
                self._arriving.poll()
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
