"""Sessions of PostgreSQL whose connection is half open: client and server wait for each other."""

from sqlalchemy import text
from sqlalchemy.orm import Session

_END = text("""
select pg_terminate_backend(pid) from pg_stat_activity
where pid = :pid and wait_event_type = 'Client'
    and state_change < clock_timestamp() - :seconds * interval '1 second'
""")
_EXISTS = text("select exists (select from pg_stat_activity where pid = :pid)")


def end_lost_session(session: Session, pid: int, seconds: float) -> bool:
    """End the session of a server process that has waited for its client for so long.

    Only for a client that has waited for the server as long, on another connection than `session`.
    Its locks are released. Returns True if the session has ended, also when it had before.
    """
    if session.scalar(_END, {"pid": pid, "seconds": seconds}):
        return True
    return not session.scalar(_EXISTS, {"pid": pid})
