"""Pages to sign on and off."""

from dataclasses import dataclass
from http import HTTPStatus

import httpx
import structlog
from redis import RedisError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from clients.python.errors import ApiRefusal
from services.portal.identity_provider import IdentityProvider, SignOnError
from services.portal.sessions import PENDING_SECONDS, SessionStore
from services.portal.visiting import SESSION_COOKIE, SIGN_ON_PATH, Visiting
from services.portal.visits import SEE_OTHER, Visit

BROWSER_COOKIE = "__Host-sign-on"
MAX_PARAMETER = 2_000

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SignOn:
    """The pages around the provider's; a session begins and ends here."""

    provider: IdentityProvider
    store: SessionStore
    visiting: Visiting

    def routes(self) -> list[Route]:
        sign_off = self.visiting.form(self.sign_off)
        return [
            Route(SIGN_ON_PATH, self.show),
            Route(f"{SIGN_ON_PATH}/begin", self.begin),
            Route(f"{SIGN_ON_PATH}/terug", self.finish),
            Route("/afmelden", sign_off, methods=["POST"]),
        ]

    def show(self, _: Request) -> Response:
        return self._page("sign_on.html")

    def begin(self, _: Request) -> Response:
        """Lead the browser to the provider; a cookie binds the sign-on to this browser."""
        try:
            address, browser = self.provider.begin()
        except (SignOnError, RedisError) as error:
            logger.warning("sign_on_failed", reason=_reason(error))
            return self.visiting.error_page("busy", HTTPStatus.SERVICE_UNAVAILABLE)
        response = RedirectResponse(address, status_code=SEE_OTHER)
        # Lax: the provider, another site, sends the browser back.
        response.set_cookie(
            BROWSER_COOKIE,
            browser,
            max_age=PENDING_SECONDS,
            secure=True,
            httponly=True,
            samesite="lax",
        )
        return response

    def finish(self, request: Request) -> Response:
        """End the sign-on with a page of this site, whose link sends the strict cookie."""
        names = ("state", "code")
        state, code = (request.query_params.get(name, "")[:MAX_PARAMETER] for name in names)
        browser = request.cookies.get(BROWSER_COOKIE, "")
        try:
            secret = self.store.add(self.provider.finish(state, code, browser))
        except (SignOnError, RedisError) as error:
            logger.warning("sign_on_failed", reason=_reason(error))
            return self._page("sign_on_failed.html", HTTPStatus.BAD_REQUEST)
        response = self._page("signed_on.html")
        response.delete_cookie(BROWSER_COOKIE, secure=True, httponly=True, samesite="lax")
        response.set_cookie(SESSION_COOKIE, secret, secure=True, httponly=True, samesite="strict")
        return response

    def sign_off(self, visit: Visit) -> Response:
        """End the session here, and lead to the page of the provider that ends it there."""
        secret = visit.request.cookies[SESSION_COOKIE]
        self.store.end(secret)
        try:
            self.visiting.upstream.end(self.store.take_tokens(secret), visit.address)
        except (ApiRefusal, httpx.HTTPError) as error:  # they expire within minutes
            logger.warning("token_not_revoked", error=type(error).__name__)
        try:
            elsewhere = self.provider.end_url(visit.session.id_token)
        except SignOnError as error:
            logger.warning("sign_off_failed", reason=_reason(error))
            elsewhere = None
        response = self._page("signed_off.html", elsewhere=elsewhere)
        response.delete_cookie(SESSION_COOKIE, secure=True, httponly=True, samesite="strict")
        return response

    def _page(self, template: str, status: int = HTTPStatus.OK, **facts: str | None) -> Response:
        return HTMLResponse(self.visiting.pages.render(template, facts), status)


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, SignOnError) else type(error).__name__
