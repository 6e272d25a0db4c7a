"""What tests of releases stand on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.endpoint_site import Site, standing_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An environment in the local AWS endpoint, before its first release."""
    with standing_site(tmp_path) as made:
        yield made
