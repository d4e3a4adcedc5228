"""The contract as text, for whoever has no running API at hand."""

from fastapi import FastAPI

from services.api.app import build_app
from services.api.openapi_document import contract_of, to_yaml


def openapi_yaml(app: FastAPI) -> str:
    """What the app serves as its OpenAPI document."""
    return to_yaml(contract_of(app))


def describe_api() -> str:
    """The same, without settings or servers."""
    return openapi_yaml(build_app())
