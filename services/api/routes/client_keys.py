"""Operations with which a client changes its own keys, by proof of possession."""

from fastapi import APIRouter, Depends, Request, Response

from services.api.dependencies import UnitDep
from services.api.http.context import context_of
from services.api.operations.forms import OAUTH_PROBLEMS, form_request_body
from services.api.security.client_authentication import (
    ASSERTION_FIELDS,
    AuthenticatingRoute,
    BoundClientDep,
    ClientDep,
    FormDep,
    offer_nonce,
)
from shared.client_changes import own_keys
from shared.oauth.assertions import confirmed_key, named_key_id
from shared.oauth.errors import invalid_request
from shared.oauth.jose import SignatureError

_ADD = form_request_body(
    ASSERTION_FIELDS
    | {
        "client_assertion": "A JWT as for a token, with the new public key as `cnf.jwk` "
        "(RFC 7800); signed with a present key of the client.",
    },
    {},
)
_REMOVE = form_request_body(
    ASSERTION_FIELDS
    | {
        "client_assertion": "A JWT as for a token, with the thumbprint (RFC 7638) of the key to "
        "remove as `key_id`; signed with a present key of the client.",
    },
    {},
)

router = APIRouter(tags=["oauth2"], route_class=AuthenticatingRoute)


@router.post(
    "/oauth2/keys",
    operation_id="addOwnKey",
    dependencies=[Depends(offer_nonce)],
    response_class=Response,
    responses=OAUTH_PROBLEMS,
    openapi_extra=_ADD,
)
def add_own_key(request: Request, form: FormDep, bound: BoundClientDep, unit: UnitDep) -> Response:
    """Add a key to the client that calls; the new key signs the proof in the header `DPoP`.

    A key that the client has already is no error, and changes nothing.
    """
    try:
        jwk = confirmed_key(form["client_assertion"])
    except SignatureError:
        raise invalid_request("Send the new public key as cnf.jwk in the assertion.") from None
    trace_id = context_of(request).trace_id
    own_keys.add_own_key(unit, bound.client, jwk, bound.thumbprint, trace_id)
    return Response()


@router.post(
    "/oauth2/keys/remove",
    operation_id="removeOwnKey",
    response_class=Response,
    responses=OAUTH_PROBLEMS,
    openapi_extra=_REMOVE,
)
def remove_own_key(request: Request, form: FormDep, client: ClientDep, unit: UnitDep) -> Response:
    """Remove a key of the client that calls; the tokens that were requested with it end.

    The assertion names the key: one that was signed for something else removes none.
    """
    try:
        key_id = named_key_id(form["client_assertion"])
    except SignatureError:
        raise invalid_request(
            "Send the thumbprint of the key as key_id in the assertion, not in the form."
        ) from None
    own_keys.remove_own_key(unit, client, key_id, context_of(request).trace_id)
    return Response()
