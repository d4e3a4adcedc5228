"""The rate limit of addresses: requests that end without a valid credential."""

from contextlib import suppress
from http import HTTPStatus

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.dependencies import operation_of
from services.api.http.context import context_of
from services.api.http.middleware import HEALTH_PATHS
from services.api.http.problems import (
    NoAccessToken,
    Overloaded,
    ServiceUnavailable,
    TooManyRequests,
    response_to,
)
from services.api.http.rate_limiter import RateLimitStatus
from services.api.http.threads import run_in_thread
from services.api.resources import Resources
from services.api.security.authentication import authenticate, verify_credential
from shared.core.database import DATABASE_UNAVAILABLE
from shared.core.errors import InvalidAccessToken
from shared.core.unit_of_work import UnitOfWork


class AddressLimit:
    """Counts requests without a valid token, assertion or download link on their address.

    It sees every response, also those of no operation: 404, 405, 413. An address that is over its
    limit is refused before anything else of a request is read, unless the request has a valid
    token: an unauthenticated client cannot stop the callers at its own address. One whose proof
    needs a newer nonce is told so, since its caller repeats the request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in HEALTH_PATHS:
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        resources: Resources = request.app.state.resources
        exceeded = resources.rate_limiter.find_exceeded(address_of(request))
        if exceeded is not None and not await run_in_thread(_has_token, request, resources):
            await _refuse(request, exceeded, send)
            return
        is_refused = False

        async def send_or_refuse(message: Message) -> None:
            nonlocal is_refused
            if message["type"] == "http.response.start" and _is_unauthenticated(request, message):
                status = await _count(request, resources)
                is_refused = status.is_exceeded and not context_of(request).lacks_nonce
                if is_refused:
                    await _refuse(request, status, send)
                if is_refused or message["status"] != HTTPStatus.TOO_MANY_REQUESTS:
                    context_of(request).describe_limit(status.to_http_headers())
            if not is_refused:
                await send(message)

        await self.app(scope, receive, send_or_refuse)


def address_of(request: Request) -> str:
    """Return the address of the client; a proxy in front has to pass it on."""
    return request.client.host if request.client else ""


def _is_unauthenticated(request: Request, message: Message) -> bool:
    is_client_error = HTTPStatus.BAD_REQUEST <= message["status"] < HTTPStatus.INTERNAL_SERVER_ERROR
    context = context_of(request)
    return is_client_error and not (context.is_authenticated or context.is_overloaded)


def _has_token(request: Request, resources: Resources) -> bool:
    try:
        verify_credential(request, resources)
    except (NoAccessToken, InvalidAccessToken):
        return context_of(request).lacks_nonce
    return True


async def _count(request: Request, resources: Resources) -> RateLimitStatus:
    """Count the request on its caller if its token is valid, or else on its address."""
    if "authorization" in request.headers and context_of(request).is_authenticated is None:
        with suppress(Overloaded, ServiceUnavailable):
            async with resources.connection_slots.take(operation_of(request)):
                return await run_in_thread(_count_caller, request, resources)
    return await run_in_thread(resources.rate_limiter.check_address, address_of(request))


def _count_caller(request: Request, resources: Resources) -> RateLimitStatus:
    """Authenticate a request that failed before its operation could, and count it."""
    try:
        with UnitOfWork(resources.sessions) as unit:
            caller = authenticate(request, unit, resources)
    except (NoAccessToken, InvalidAccessToken, *DATABASE_UNAVAILABLE):
        return resources.rate_limiter.check_address(address_of(request))
    return resources.rate_limiter.check(caller)


async def _refuse(request: Request, status: RateLimitStatus, send: Send) -> None:
    context = context_of(request)
    context.describe_limit(status.to_http_headers())
    response = response_to(request, TooManyRequests(status.seconds_left))
    await response(request.scope, request.receive, send)
