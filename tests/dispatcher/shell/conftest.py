"""A desk with fakes around it."""

import pytest

from tests.dispatcher.desks import Shop, shop


@pytest.fixture
def at_work() -> Shop:
    """One account under its lease, with nothing to do yet."""
    return shop()
