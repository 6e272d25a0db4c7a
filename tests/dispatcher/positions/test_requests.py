"""What people ask for, as it stands in the control table: read, answered, and never in anyone's way."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from contract import control
from contract.control import Answer, AnswerState, Ask, Request
from dispatcher.adapters.control import DynamoRequests
from dispatcher.ports import ControlUnavailableError

NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
ASKED = Request("20261123T170000Z-1", Ask.CLOSE, "someone", NOON, "enough", "AAPL")
TAKEN = Answer(AnswerState.TAKEN, NOON, "being closed")
DONE = Answer(AnswerState.DONE, NOON, "nothing is held")


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[DynamoRequests, Stubber]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    found = DynamoRequests("control", "large")
    with Stubber(found._table._client) as stub:
        yield found, stub


def item(request: Request, answer: Answer | None = None) -> dict[str, dict[str, str]]:
    texts = {"pk": "account#large", "sk": f"request#{request.id}"} | request.attributes()
    return {name: {"S": text} for name, text in (texts | (answer.attributes() if answer else {})).items()}


@pytest.mark.parametrize("answer", [None, TAKEN, DONE])
def test_a_request_reads_back_as_it_was_written(answer: Answer | None) -> None:
    asked = Request(ASKED.id, ASKED.ask, ASKED.by, ASKED.at, ASKED.why, ASKED.symbol, answer)
    written = asked.attributes() | (answer.attributes() if answer else {})

    assert control.read_request(ASKED.id, written) == asked


@pytest.mark.parametrize(("ask", "symbol"), [(Ask.CLOSE, None), (Ask.FLATTEN, "AAPL")])
def test_a_close_of_nothing_and_a_flatten_of_something_cannot_be_asked(ask: Ask, symbol: str | None) -> None:
    with pytest.raises(ValueError, match="a close names a symbol"):
        Request("1", ask, "someone", NOON, "why", symbol)


def test_only_requests_without_a_final_answer_are_open(table: tuple[DynamoRequests, Stubber]) -> None:
    requests, stub = table
    nonsense = item(ASKED) | {"ask": {"S": "dance"}, "sk": {"S": "request#0"}}
    found: dict[str, Any] = {"Items": [nonsense, item(ASKED), item(ASKED, TAKEN), item(ASKED, DONE)]}
    stub.add_response("query", found)

    assert [each.answer for each in requests.open()] == [None, TAKEN]


def test_an_answer_is_written_beside_what_was_asked(table: tuple[DynamoRequests, Stubber]) -> None:
    requests, stub = table
    stub.add_response("put_item", {}, {"TableName": "control", "Item": item(ASKED, DONE)})
    requests.answer(ASKED, DONE)

    stub.assert_no_pending_responses()


def test_a_table_that_does_not_answer_is_said_to_be_away(table: tuple[DynamoRequests, Stubber]) -> None:
    requests, stub = table
    stub.add_client_error("query", "ProvisionedThroughputExceededException")

    with pytest.raises(ControlUnavailableError):
        requests.open()
