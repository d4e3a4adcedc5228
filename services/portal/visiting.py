"""Endpoints of pages and forms: the session before them, and the pages of what went wrong."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from functools import partial
from http import HTTPStatus

import httpx
import structlog
from redis import RedisError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from clients.python.api import Api
from clients.python.errors import ApiRefusal
from services.portal.forms import FORM_TOKEN, FormError, read_form, require_own_form
from services.portal.pages import Pages
from services.portal.sessions import Session, SessionStore
from services.portal.upstream import Upstream
from services.portal.visits import SEE_OTHER, Form, PageNotFoundError, Visit

View = Callable[[Visit], Response]
Endpoint = Callable[[Request], Awaitable[Response]]

SESSION_COOKIE = "__Host-session"
SIGN_ON_PATH, DESK_PATH = "/aanmelden", "/balie"
WITHOUT_ROLE = "invalid_request"
"""The error of a token exchange for a person without a role, or whose sign-on has ended."""
REFUSED = {HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}

logger = structlog.get_logger()


def for_school(view: View) -> View:
    """Return the view for people at a school; an officer finds no page but the desk."""
    return _for(view, is_officer=False)


def for_officer(view: View) -> View:
    """Return the view for viewing officers; people at a school find no such page."""
    return _for(view, is_officer=True)


def _for(view: View, *, is_officer: bool) -> View:
    """Return the view for a session of which the rights and the school are known.

    The first request of a session obtains them from the API.
    """

    def show(visit: Visit) -> Response:
        if not visit.session.scopes:
            _ = visit.api
        if visit.is_officer == is_officer:
            return view(visit)
        if visit.is_officer and visit.request.url.path == "/":
            return visit.redirect(DESK_PATH)
        raise PageNotFoundError

    return show


class SignedOffError(Exception):
    """The session ended during the request, in another one."""


@dataclass(frozen=True, slots=True)
class Visiting:
    """The endpoints of the portal at `origin`."""

    origin: str
    store: SessionStore
    upstream: Upstream
    pages: Pages

    def page(self, view: View) -> Endpoint:
        """Return the endpoint of a page."""

        async def respond(request: Request) -> Response:
            return await run_in_threadpool(self._respond, view, request)

        return respond

    def form(self, view: View) -> Endpoint:
        """Return the endpoint of a form, which only a page of this session can send."""

        async def respond(request: Request) -> Response:
            try:
                form = await read_form(request)
            except FormError:
                return self.error_page("form", HTTPStatus.BAD_REQUEST)
            return await run_in_threadpool(self._respond, view, request, form)

        return respond

    async def respond_not_found(self, _: Request, __: Exception) -> Response:
        return self.error_page("not_found", HTTPStatus.NOT_FOUND)

    def error_page(self, kind: str, status: int, **facts: str) -> Response:
        """Return a page about something that went wrong, by its name in the texts."""
        return HTMLResponse(self.pages.render("error.html", {"kind": kind, "facts": facts}), status)

    def _respond(self, view: View, request: Request, form: Form | None = None) -> Response:
        try:
            return self._respond_in_session(view, request, form)
        except ApiRefusal as refusal:
            return self._page_of_refusal(refusal)
        except SignedOffError:
            return RedirectResponse(SIGN_ON_PATH, status_code=SEE_OTHER)
        except PageNotFoundError:
            return self.error_page("not_found", HTTPStatus.NOT_FOUND)
        except FormError:
            return self.error_page("form", HTTPStatus.FORBIDDEN)
        except (httpx.HTTPError, RedisError) as error:
            logger.warning("server_unavailable", error=type(error).__name__)
            return self.error_page("busy", HTTPStatus.SERVICE_UNAVAILABLE)

    def _respond_in_session(self, view: View, request: Request, form: Form | None) -> Response:
        secret = request.cookies.get(SESSION_COOKIE, "")
        session = self.store.find(secret) if secret else None
        if session is None:
            return RedirectResponse(SIGN_ON_PATH, status_code=SEE_OTHER)
        if form is not None:
            require_own_form(request, session, form, self.origin)
        visit = self._visit(request, secret, session, form or {})
        before = asdict(session)
        try:
            return view(visit)
        except ApiRefusal as refusal:
            if refusal.kind != WITHOUT_ROLE:
                raise
            facts = {"form_token": session.form_token}
            return self.error_page("no_role", HTTPStatus.FORBIDDEN, **facts)
        finally:
            if asdict(session) != before:
                self.store.save(secret, session)

    def _visit(self, request: Request, secret: str, session: Session, form: Form) -> Visit:
        open_api = partial(self._open_api, secret, session)
        sent = {name: values for name, values in form.items() if name != FORM_TOKEN}
        return Visit(request, session, self.pages, open_api, sent)

    def _open_api(self, secret: str, session: Session, address: str) -> Api:
        """Return the API for the person; a new token is stored, so that the sign-off ends it.

        Raises:
            SignedOffError: the session ended meanwhile; the new token is ended here.
        """
        before = session.access_token
        api = self.upstream.api_of(session, address)
        token, ends_at = session.access_token, session.access_ends_at
        if token != before and not self.store.add_token(secret, token, ends_at):
            self.upstream.end(self.store.take_tokens(secret), address)
            raise SignedOffError
        return api

    def _page_of_refusal(self, refusal: ApiRefusal) -> Response:
        if refusal.status == HTTPStatus.UNAUTHORIZED:
            return RedirectResponse(SIGN_ON_PATH, status_code=SEE_OTHER)
        if refusal.status == HTTPStatus.FORBIDDEN:
            return self.error_page("forbidden", HTTPStatus.FORBIDDEN)
        if refusal.status == HTTPStatus.NOT_FOUND:
            return self.error_page("not_found", HTTPStatus.NOT_FOUND)
        if refusal.status in REFUSED:
            return self.error_page("refused", HTTPStatus.BAD_REQUEST)
        logger.warning("api_refused", status=refusal.status, kind=refusal.kind)
        return self._busy_page(refusal)

    def _busy_page(self, refusal: ApiRefusal) -> Response:
        """Return the page that asks to wait, for as long as the API does."""
        is_limit = refusal.status == HTTPStatus.TOO_MANY_REQUESTS
        status = HTTPStatus.TOO_MANY_REQUESTS if is_limit else HTTPStatus.SERVICE_UNAVAILABLE
        page = self.error_page("busy", status)
        if refusal.retry_after:
            page.headers["Retry-After"] = refusal.retry_after
        return page
