"""The unit of work: one transaction, with actions before and after its commit or rollback."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog
from sqlalchemy.orm import Session

from shared.core.database import DATABASE_UNAVAILABLE, Sessions
from shared.core.errors import AccessDenied

logger = structlog.get_logger(__name__)

Action = Callable[[], object]


class UnitOfWork:
    """A session whose transaction is committed at the end of the `with` block.

    An error rolls it back, except `AccessDenied`: policy decides before anything else is written,
    and the audit event of a denial has to stay. The entry point that opens a unit commits it;
    repositories and services only use its `session`.
    """

    def __init__(self, sessions: Sessions) -> None:
        self.session: Session = sessions()
        self._sessions = sessions
        self._before_commit: list[tuple[str, Action]] = []
        self._after_commit: list[Action] = []
        self._on_rollback: list[Callable[[Session], object]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None or isinstance(error, AccessDenied):
                self._commit_or_roll_back()
            else:
                self._roll_back()
        finally:
            self.session.close()

    @property
    def is_finished(self) -> bool:
        """Return True when no transaction is open and no action is pending."""
        return not (self.session.in_transaction() or self._before_commit or self._after_commit)

    def before_commit(self, action: Action, *, order: str = "") -> None:
        """Run `action` at the end of the transaction, unless it is rolled back.

        For an action that takes a lock: the lock is held only during the commit.
        Actions run by `order`, so that two units that take the same locks never deadlock.
        """
        self._before_commit.append((order, action))

    def after_commit(self, action: Action) -> None:
        """Run `action` once the transaction is committed, and never if it is rolled back.

        An error of the action is logged and not raised: the rows are safe, and a sweeper retries.
        """
        self._after_commit.append(action)

    def on_rollback(self, action: Callable[[Session], object]) -> None:
        """Run `action` in a transaction of its own if this one is rolled back."""
        self._on_rollback.append(action)

    def commit(self) -> None:
        """Commit and run the pending actions; the next statement begins a new transaction.

        Call it before the end of the block to keep a transaction short, or to commit in the thread
        that did the work.
        """
        self.run_pending()
        self.session.commit()
        self._on_rollback.clear()
        actions, self._after_commit = self._after_commit, []
        for action in actions:
            _run_logged(action)

    def run_pending(self) -> None:
        """Run the actions before the commit now, and write after them what is locked last.

        What follows is then locked during the commit only, without the wait for their locks.
        """
        pending, self._before_commit = self._before_commit, []
        if pending:
            self.session.flush()
        for _, action in sorted(pending, key=lambda entry: entry[0]):
            action()

    def end_reading(self) -> None:
        """End a transaction that has only read, before long work without the database.

        The server ends a transaction that is idle for long. The next statement begins a new one.
        Before an error, it saves a rollback, after which psycopg prepares all statements of the
        connection again.

        Raises:
            RuntimeError: when there is something to write, which only the entry point commits.
        """
        session = self.session
        if self._before_commit or session.new or session.dirty or session.deleted:
            raise RuntimeError("a transaction with changes is committed by its entry point only")
        session.commit()
        self._on_rollback.clear()

    def _commit_or_roll_back(self) -> None:
        try:
            self.commit()
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        self.session.rollback()
        self._before_commit.clear()
        self._after_commit.clear()
        actions, self._on_rollback = self._on_rollback, []
        if not actions:
            return
        try:
            with self._sessions.begin() as session:
                for action in actions:
                    action(session)
        except DATABASE_UNAVAILABLE as error:
            logger.warning("rollback_action_failed", error=type(error).__name__)


def _run_logged(action: Action) -> None:
    try:
        action()
    except Exception as error:  # noqa: BLE001  # the commit is final, whatever fails after it
        logger.warning("after_commit_failed", error=type(error).__name__)
