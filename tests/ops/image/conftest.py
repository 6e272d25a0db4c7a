"""A small repository and a store of its own for each test."""

from pathlib import Path

import pytest

from ops.image.store import Store
from tests.ops.image.lamp import Lamp


@pytest.fixture
def lamp(tmp_path: Path) -> Lamp:
    return Lamp(tmp_path / "lamp")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")
