"""The deadline of each request: what it waits for, it waits for no longer."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.core.deadlines import deadline


class RequestDeadline:
    """Gives each request a time until the first byte of its response.

    The time starts again with each part of the body, since a client may send slowly (`BodyLimit`
    bounds that). What waits for a server reads the deadline itself.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with deadline(self.seconds) as limit:

            async def receive_and_restart() -> Message:
                message = await receive()
                limit.restart()
                return message

            await self.app(scope, receive_and_restart, send)
