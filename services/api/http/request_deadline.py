"""The deadline of each request: what it waits for, it waits for no longer."""

from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.core.deadlines import deadline


class RequestDeadline:
    """Gives each request a time until the first byte of its response.

    From the first wait for the body to its last part, no time counts as long as parts arrive, since
    a client may send slowly (`BodyLimit` bounds that). What waits for a server reads the deadline
    itself.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with deadline(self.seconds) as limit:
            counted_at: float | None = None

            async def receive_and_extend() -> Message:
                nonlocal counted_at
                began_at = monotonic() if counted_at is None else counted_at
                message = await receive()
                counted_at = monotonic()
                limit.extend(counted_at - began_at)
                return message

            await self.app(scope, receive_and_extend, send)
