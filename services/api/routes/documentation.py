"""The OpenAPI document, and an interactive page for it without third-party hosts."""

from importlib.resources import files
from threading import Lock

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from services.api.http.head import ReadableRoute
from services.api.openapi import openapi_yaml
from shared.core.errors import ResourceNotFound

_WRITING = Lock()
"""The document is written once: it takes a second of a core."""

router = APIRouter(include_in_schema=False, route_class=ReadableRoute)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Toetsfeedback API</title>
<link rel="stylesheet" href="doc/assets/swagger-ui.css">
</head>
<body>
<div class="swagger-ui"><div class="wrapper">
<p><strong>This page sends no requests.</strong> Each request needs an access token and a signature
of its own (DPoP), by a key that a browser does not have. The command line has one:</p>
<pre>toetsfeedback call GET /v1/schools</pre>
<p>Add <code>--data DIRECTORY</code> if <code>toetsfeedback up</code> runs with another data
directory than <code>toetsfeedback-data</code>. For a program of your own, docs/tokens.md describes
how to request tokens and sign requests.</p>
</div></div>
<div id="swagger-ui"></div>
<script src="doc/assets/swagger-ui-bundle.js"></script>
<script src="doc/assets/start.js"></script>
</body>
</html>
"""
_START = """const hidden = () => () => null;
SwaggerUIBundle({
  url: "doc/openapi.yaml",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  supportedSubmitMethods: [],
  plugins: [{ wrapComponents: { authorizeBtn: hidden, authorizeOperationBtn: hidden } }],
});
"""
_ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "start.js": "text/javascript",
}
_POLICY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; object-src 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
}


@router.get("/doc")
def get_documentation_page() -> HTMLResponse:
    return HTMLResponse(_PAGE, headers=_POLICY)


@router.get("/doc/openapi.yaml")
def get_openapi_document(request: Request) -> Response:
    state = request.app.state
    with _WRITING:
        if not hasattr(state, "openapi_yaml"):
            state.openapi_yaml = openapi_yaml(request.app, state.resources.public_url)
    return Response(state.openapi_yaml, media_type="application/yaml")


@router.get("/doc/assets/{asset_name}")
def get_documentation_asset(asset_name: str) -> Response:
    media_type = _ASSETS.get(asset_name)
    if media_type is None:
        raise ResourceNotFound
    if asset_name == "start.js":
        return Response(_START, media_type=media_type)
    content = (files("fastapi_offline") / "static" / asset_name).read_bytes()
    return Response(content, media_type=media_type)
