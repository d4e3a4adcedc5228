"""Help: how to read a level, to talk to parents, to open a document, and what is not allowed."""

from starlette.responses import Response

from services.portal.visits import Visit


def show_help(visit: Visit) -> Response:
    return visit.page("help.html", "help")
