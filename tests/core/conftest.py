from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from shared.core.settings import Settings

Login = Callable[[str], Any]


@pytest.fixture
def login(settings_of: Callable[[str], Settings]) -> Login:
    @contextmanager
    def login(program: str) -> Iterator["psycopg.Connection[Any]"]:
        url = settings_of(program).database_url.get_secret_value()
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection

    return login
