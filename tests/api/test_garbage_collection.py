import gc

from services.api.app import create_app
from shared.core.settings import Settings
from tests.api.conftest import serve


def test_garbage_collection_is_rarer_while_an_api_runs(
    api_settings: Settings,
) -> None:
    before = gc.get_threshold()
    with serve(create_app(api_settings)):
        assert gc.get_threshold()[0] > before[0]
        assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
