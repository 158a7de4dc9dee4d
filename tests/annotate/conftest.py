import pytest

from training import doorbell


@pytest.fixture(autouse=True)
def nobody_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who learns from what people finish is no concern of these tests."""
    monkeypatch.setattr(doorbell, "ring_for_learning", lambda project_id: None)
