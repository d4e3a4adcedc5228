import gc

from services.api.app import create_app
from shared.core.settings import Settings
from tests.api.conftest import serving


def test_garbage_is_looked_for_rarely_while_an_api_runs_and_as_before_after_it(
    api_settings: Settings,
) -> None:
    as_before = gc.get_threshold()
    with serving(create_app(api_settings)):
        assert gc.get_threshold()[0] > as_before[0]
        assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == as_before
    assert gc.get_freeze_count() == 0
