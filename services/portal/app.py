"""The composition root of the portal: its resources and its routes."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from redis import Redis
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Lifespan

from clients.python.http import open_client
from clients.python.proofs import ProofKey
from clients.python.registered_client import RegisteredClient
from services.http_server.connections import Connections
from services.portal.identity_provider import IdentityProvider
from services.portal.pages import Pages
from services.portal.responses import SecurityHeaders, send_asset
from services.portal.sessions import SessionStore
from services.portal.settings import PortalSettings
from services.portal.sign_on import SignOn
from services.portal.upstream import Upstream
from services.portal.views import (
    audit,
    class_groups,
    desk,
    downloads,
    fiches,
    guidance,
    hand_overs,
    home,
    overview,
    school_feedback,
    sharing,
    viewing,
)
from services.portal.visiting import DESK_PATH, View, Visiting, for_officer, for_school

API_SECONDS, PROVIDER_SECONDS, REDIS_SECONDS = 20.0, 5.0, 3.0
RECEIVE_BUFFER_BYTES = 64 * 1024
"""Of a connection to the API: what is in it when a download is ended is still sent on."""


class Closable(Protocol):
    """Connections to a server."""

    def close(self) -> None: ...


PAGES: dict[str, View] = {
    "/": home.show_home,
    "/klassen": class_groups.show_class_groups,
    "/klassen/klas": class_groups.show_class_group,
    "/fiches": fiches.show_fiches,
    "/documenten/{document_id:uuid}": downloads.download_document,
    "/documenten/{document_id:uuid}/bekijken": downloads.download_document,
    "/overhandigen": hand_overs.show_hand_overs,
    "/overhandigen/klas": hand_overs.show_hand_overs_of_class,
    "/overhandigen/lijst": hand_overs.show_sign_list,
    "/overzicht": overview.show_overview,
    "/schoolfeedback": school_feedback.show_school_feedback,
    "/schoolfeedback/klassen": school_feedback.show_class_groups,
    "/inzage": viewing.show_viewing,
    "/inzage/moment": viewing.choose_slot,
    "/inzage/bevestiging/{id:uuid}": viewing.download_confirmation,
    "/inzage/agenda/{id:uuid}": viewing.download_calendar,
    "/delen": sharing.show_sharing,
    "/wie-keek": audit.show_audit,
    "/hulp": guidance.show_help,
}
FORMS: dict[str, View] = {
    "/klassen/zoeken": class_groups.search,
    "/overhandigen/noteren": hand_overs.record,
    "/overhandigen/ongedaan": hand_overs.withdraw,
    "/overzicht/verklaren": overview.declare,
    "/inzage/zoeken": viewing.search,
    "/inzage/inschrijven": viewing.register,
    "/inzage/verplaatsen": viewing.move,
    "/inzage/aanvaarden": viewing.accept,
    "/inzage/afzeggen": viewing.cancel,
    "/delen/geven": sharing.give,
    "/delen/inkorten": sharing.shorten,
    "/delen/intrekken": sharing.revoke,
}
DESK_PAGES: dict[str, View] = {
    DESK_PATH: desk.show_desk,
    f"{DESK_PATH}/bezoek": desk.show_visit,
    f"{DESK_PATH}/onderdeel": desk.show_items,
}
DESK_FORMS: dict[str, View] = {
    f"{DESK_PATH}/code": desk.look_up,
    f"{DESK_PATH}/beginnen": desk.open_visit,
    f"{DESK_PATH}/sluiten": desk.close_visit,
    f"{DESK_PATH}/annuleren": desk.annul,
}


def create_app(settings: PortalSettings) -> Starlette:
    """Create the portal; it connects to its servers with the first request.

    Raises:
        KeyFileError: when the private key cannot be used.
    """
    key = ProofKey.in_file(settings.client_key_file)
    redis = Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
    )
    store = SessionStore(redis, settings.idle_seconds, settings.session_seconds)
    client = RegisteredClient(settings.api_url, settings.client_id, key, key)
    api_http = open_client(
        settings.api_url, timeout=API_SECONDS, receive_buffer_bytes=RECEIVE_BUFFER_BYTES
    )
    upstream = Upstream(client, api_http)
    http = open_client(settings.provider_url, timeout=PROVIDER_SECONDS)
    provider = IdentityProvider(settings, http, key, store)
    pages = Pages()
    visiting = Visiting(settings.url, store, upstream, pages)
    sign_on = SignOn(provider, store, visiting)
    app = Starlette(
        routes=[
            *_routes(visiting),
            *sign_on.routes(),
            Route("/static/{version}/{name}", send_asset),
            Route("/health", _check_health),
        ],
        exception_handlers={404: visiting.respond_not_found},
        lifespan=_closing(settings.max_connections, api_http, http, redis),
        middleware=[Middleware(SecurityHeaders, is_https=settings.url.startswith("https:"))],
    )
    app.router.redirect_slashes = False  # such a redirect has the host of the request
    return app


def _routes(visiting: Visiting) -> Iterator[Route]:
    for path, view in PAGES.items():
        yield Route(path, visiting.page(for_school(view)))
    for path, view in FORMS.items():
        yield Route(path, visiting.form(for_school(view)), methods=["POST"])
    for path, view in DESK_PAGES.items():
        yield Route(path, visiting.page(for_officer(view)))
    for path, view in DESK_FORMS.items():
        yield Route(path, visiting.form(for_officer(view)), methods=["POST"])


def _closing(max_connections: int, *resources: Closable) -> Lifespan[Starlette]:
    """Return a lifespan that bounds connections to the portal, and closes its own at its end."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[Mapping[str, Connections]]:
        yield {"connections": Connections.of(max_connections)}
        for resource in resources:
            resource.close()

    return lifespan


async def _check_health(_: Request) -> PlainTextResponse:
    return PlainTextResponse("UP")
