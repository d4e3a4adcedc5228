"""The page at the root: what this is, and where to go from here; without scripts."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from services.api.http.head import ReadableRoute
from shared.core.version import package_version

router = APIRouter(include_in_schema=False, route_class=ReadableRoute)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Toetsfeedback</title>
<link rel="stylesheet" href="home.css">
</head>
<body>
<main>
<h1>Toetsfeedback</h1>
<p>This service brings the feedback of the Flemish tests (<span lang="nl">Vlaamse toetsen</span>)
to schools: a <em>fiche</em> for each student and an <em>overview</em> for each school, from the
moment of their release. Programs use it; people at schools reach it through their portal.</p>
<ul>
<li><a href="doc">Documentation of the API</a>: every operation, and how to call one</li>
<li><a href="doc/openapi.yaml">OpenAPI document</a>, for generating a client</li>
<li><a href="health">Health</a> of this service</li>
</ul>
<p><small>Version {version}</small></p>
</main>
</body>
</html>
"""
_STYLE = """body { font: 1.1rem/1.6 system-ui, sans-serif; margin: 0; color: #1b1b1b; }
main { max-width: 42rem; margin: 3rem auto; padding: 0 1rem; }
a { color: #00509e; }
"""
_POLICY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
}


@router.get("/")
def get_home_page() -> HTMLResponse:
    return HTMLResponse(_PAGE.format(version=package_version()), headers=_POLICY)


@router.get("/home.css")
def get_home_style() -> Response:
    return Response(_STYLE, media_type="text/css")
