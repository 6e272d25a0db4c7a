"""The page about the exchange says what the code does."""

from pathlib import Path

import pytest

from sandbox.exchange.reference import renewed
from sandbox.exchange.unserved import UNSERVED
from tests.sandbox.exchange.exchange_desk import Http

PAGE = Path(__file__).parents[3] / "docs" / "exchange.md"


def test_the_page_is_not_stale() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert page == renewed(page), "run: python -m sandbox.exchange.reference docs/exchange.md"


@pytest.mark.parametrize("operation", ["GET /v2/wallets", "GET /v1beta1/news", "POST /v2/tokenization/mint"])
def test_an_operation_that_is_not_served_says_so(http: Http, operation: str) -> None:
    method, _, path = operation.partition(" ")
    answer = http.send(method, path)

    assert operation in UNSERVED
    assert answer == (501, {"code": 50110000, "message": f"{operation} is not served by this exchange"})
