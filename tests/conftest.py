import pytest


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Every test has a cache of its own, so that none sees what another one computed."""
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
