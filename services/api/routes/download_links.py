"""The operation of a download link, for browsers that cannot send a token."""

from functools import partial
from typing import Annotated, Any

from fastapi import Header, Path, Request, Response
from starlette.responses import HTMLResponse

from services.api.dependencies import ResourcesDep, UnitDep
from services.api.http.context import context_of
from services.api.http.downloads import content_response, count_bytes
from services.api.http.problem_types import Problem
from services.api.http.problems import problem_response
from services.api.operations.operation import operations
from services.api.operations.problem_responses import problems
from services.api.routes.documents import BYTES
from services.api.security.rate_limits import rate_limit_link
from shared.access.decisions import act_for
from shared.core.errors import ResourceNotFound
from shared.core.unit_of_work import UnitOfWork
from shared.documents.grants import service as grants

router = operations("documents")

_ENDED_LINK_PAGE = """<!doctype html>
<html lang="nl">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Deze link werkt niet meer</title>
</head>
<body>
<h1>Deze link werkt niet meer</h1>
<p>Elke downloadlink werkt één keer en blijft één minuut geldig. Misschien hebt u het document al
gedownload: kijk dan in de map met downloads.</p>
<p>Wilt u het document opnieuw? Ga terug naar de vorige pagina en klik daar nog eens op de knop om
te downloaden.</p>
</body>
</html>
"""
_NOT_FOUND = problems("resourceNotFound")[404]
_PAGE = {"text/html": {"schema": {"type": "string"}}}
_ENDED_LINK: dict[int | str, dict[str, Any]] = {
    404: _NOT_FOUND | {"content": _NOT_FOUND["content"] | _PAGE}
}


@router.get(
    "/downloads/{secret}",
    response_class=Response,
    responses=BYTES | _ENDED_LINK,
)
def use_download_grant(
    request: Request,
    resources: ResourcesDep,
    unit: UnitDep,
    secret: Annotated[str, Path(min_length=1, max_length=64, description="Secret of the link.")],
    range_: Annotated[str | None, Header(alias="Range")] = None,
    if_range: Annotated[str | None, Header(alias="If-Range")] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """Download the document of a link; a link works until the last byte was sent once.

    Within 60 seconds, a download that was interrupted is resumed with `Range` and `If-Range`. If
    the link was used or has expired, a browser gets a short page in Dutch.
    """
    try:
        with UnitOfWork(resources.sessions) as lookup:
            grant = grants.find_grant(lookup.session, secret)
        caller = grants.caller_of(grant)
        rate_limit_link(request, resources, grant.secret_sha256)
        resources.downloads.require_room(caller, grant.secret_sha256)
        act_for(unit, caller)
        operation_id: str = request.scope["route"].operation_id
        trace_id = context_of(request).trace_id
        is_resumed = range_ is not None
        download = grants.use_grant(
            unit,
            grant,
            operation_id,
            trace_id,
            is_resumed=is_resumed,
            bytes_of=partial(count_bytes, range_header=range_, if_range=if_range),
        )
        context_of(request).is_authenticated = True
        return content_response(
            download,
            resources,
            range_header=range_,
            if_range=if_range,
            complete=partial(grants.complete_grant, grant),
        )
    except ResourceNotFound:  # a response, so that the refusal stays in the audit log
        if "text/html" not in accept:
            raise
        return HTMLResponse(_ENDED_LINK_PAGE, status_code=404)
    except Problem as problem:
        return problem_response(problem, context_of(request).trace_id)
