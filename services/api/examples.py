"""Examples in the OpenAPI document, by the name of a property or parameter; all are made up.

A name means the same wherever it occurs; where it does not, the example has the name of the schema
too. Values of enumerations, and ids, dates and URLs, which their format explains, need none.
"""

from typing import Any

_ALGORITHMS = ["ES256", "PS256", "EdDSA"]
_METHODS = ["private_key_jwt"]

EXAMPLES: dict[str, Any] = {
    "Administration.name": "Vlaamse toetsen 2024",
    "AuditEvent.clientId": "0b6f6c5e-5a3f-4b0e-9d8a-2f1f4f0f6f10",
    "AuditEvent.purpose": "Report book",
    "Component.name": "Dutch: reading",
    "Document.kind": "fiche",
    "FicheHandOver.state": "again",
    "InputValidationIssue.name": "pageSize",
    "InputValidationIssue.detail": "There is no such parameter or property; leave it out.",
    "JobFailure.subject": "000028",
    "LevelReached.description": "The student understands texts on familiar subjects.",
    "Mandate.clientId": "0b6f6c5e-5a3f-4b0e-9d8a-2f1f4f0f6f10",
    "Mandate.state": "inForce",
    "Me.clientId": "0b6f6c5e-5a3f-4b0e-9d8a-2f1f4f0f6f10",
    "NewPerson.name": "Operator client of Ann Peeters",
    "NewViewingDay.closesAt": "16:30",
    "NewViewingDay.opensAt": "09:00",
    "OperatorPerson.name": "Ann Peeters",
    "Registration.reason": "noShow",
    "ReleaseWindow.state": "open",
    "TaskProblem.type": "urn:problem-type:toetsfeedback:api:partlyFailed",
    "TaskProblem.title": "Partly Failed",
    "TaskProblem.detail": "Failed: 1 of 52 items, and 0 parts of the others.",
    "If-Range": '"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"',
    "If-Match": '"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"',
    "If-None-Match": '"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"',
    "Range": "bytes=0-65535",
    "access_token": "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl",
    "action": "getDocument",
    "address": "Koning Albert II-laan 15, 1210 Brussel",
    "administrationId": "2024",
    "after": "rM7cPVAVnYKWw1vJ5sQ2bYyE0bVfD2m3kq3l1nX9s7c",
    "alg": "ES256",
    "aud": "urn:toetsfeedback:api",
    "callerKind": "integrator",
    "callerSchoolId": "000028",
    "callerSubject": "7f2c",
    "classGroup": "4A",
    "client_id": "0b6f6c5e-5a3f-4b0e-9d8a-2f1f4f0f6f10",
    "code": "2",
    "component": "SO2A-LEZ",
    "componentName": "Dutch: reading",
    "detail": "There is no such resource, or it is not available to you.",
    "dpop_signing_alg_values_supported": _ALGORITHMS,
    "e": "AQAB",
    "error": "invalid_client",
    "error_description": "The client or its assertion is not valid.",
    "from": "2024-06-01T00:00:00+02:00",
    "grant_types_supported": ["client_credentials"],
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "id": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
    "introspection_endpoint": "https://feedback.example/oauth2/introspect",
    "introspection_endpoint_auth_methods_supported": _METHODS,
    "introspection_endpoint_auth_signing_alg_values_supported": _ALGORITHMS,
    "iss": "https://feedback.example",
    "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    "issuer": "https://feedback.example",
    "item": "000028",
    "jti": "f5c1d1f4-2c0e-4c8f-8f0b-6b1a3a9f1d20",
    "jwks_uri": "https://feedback.example/.well-known/jwks.json",
    "keyId": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
    "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
    "kind": "documents.build",
    "kty": "EC",
    "label": "Level 2",
    "means": "printed",
    "mode": "full",
    "n": "u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0w",
    "name": "Report book of a school group",
    "outcome": "allowed",
    "personName": "Ann Peeters",
    "product": "studentFeedback",
    "products": ["schoolFeedback"],
    "purpose": "Report book",
    "receivedFrom": "operator",
    "reference": "2024-06-14-full",
    "requestedBy": "operator",
    "requiredScopes": ["jobs:write"],
    "resource": "/v1/documents/0b6f6c5e-5a3f-4b0e-9d8a-2f1f4f0f6f10",
    "response_types_supported": [],
    "revocation_endpoint": "https://feedback.example/oauth2/revoke",
    "revocation_endpoint_auth_methods_supported": _METHODS,
    "revocation_endpoint_auth_signing_alg_values_supported": _ALGORITHMS,
    "schoolId": "000028",
    "schoolName": "De Kameleon",
    "schoolYear": "2023-2024",
    "scope": "schools:read documents:read",
    "scopes": ["schools:read", "documents:read"],
    "scopes_supported": ["schools:read", "documents:read"],
    "secret": "Zm9yIG9uZSBkb3dubG9hZCBvbmx5",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "site": "1",
    "siteName": "Site Station Street",
    "stamnummer": "20240017",
    "manifestHash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "signature": "eyJhbGciOiJFUzI1NiJ9.NWQwYg.c2lnbmF0dXJl",
    "state": "open",
    "status": "participated",
    "sub": "0b6f6c5e-5a3f-4b0e-9d8a-2f1f4f0f6f10",
    "subject": "2024/000028",
    "successorOf": ["000019"],
    "targetGroup": "SO2A",
    "templateVersion": "12",
    "title": "Resource Not Found",
    "token_endpoint": "https://feedback.example/oauth2/token",
    "token_endpoint_auth_methods_supported": _METHODS,
    "token_endpoint_auth_signing_alg_values_supported": _ALGORITHMS,
    "token_type": "DPoP",
    "traceId": "f5c1d1f4-2c0e-4c8f-8f0b-6b1a3a9f1d20",
    "until": "2024-06-30T23:59:59+02:00",
    "use": "sig",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}


def add_examples(document: dict[str, Any]) -> None:
    """Add an example to every property and parameter of the document that needs one."""
    for schema_name, schema in document["components"]["schemas"].items():
        for name, part in schema.get("properties", {}).items():
            _add(part, EXAMPLES.get(f"{schema_name}.{name}", EXAMPLES.get(name)))
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                _add(parameter["schema"], EXAMPLES.get(parameter["name"]))


def needs_example(schema: dict[str, Any]) -> bool:
    """Return True for text of any form, or a list of it, without an example."""
    leaf = schema.get("items", schema)
    is_explained = {"examples", "enum", "const", "format"} & (leaf.keys() | schema.keys())
    return leaf.get("type") == "string" and not is_explained


def _add(schema: dict[str, Any], example: Any) -> None:
    if needs_example(schema) and example is not None:
        schema["examples"] = [example]
