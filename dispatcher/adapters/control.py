"""The control table in DynamoDB, for one account. The task's role may touch this account's items and no others."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from contract import control, names
from contract.control import Answer, AnswerState, Request, TradingOrder
from contract.names import Key
from dispatcher.ports import ControlUnavailableError

SECONDS = 2
"""One answer must come well before UNREADABLE_SECONDS are over."""


class _Table:
    """The control table; whatever goes wrong on the way is ControlUnavailableError."""

    def __init__(self, name: str) -> None:
        config = Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"mode": "standard", "max_attempts": 1})
        self._client = Session().create_client("dynamodb", config=config)
        self._name = name

    def ask(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """One call; its answer."""
        try:
            answer: Mapping[str, Any] = getattr(self._client, operation)(TableName=self._name, **parameters)
        except (BotoCoreError, ClientError) as error:
            raise ControlUnavailableError(str(error)) from error
        return answer


class DynamoControl:
    """See ports.Control. Used by one thread."""

    def __init__(self, table: str, account: str) -> None:
        self._table = _Table(table)
        self._key = _item_key(names.trading_state(account))

    def read(self) -> TradingOrder | None:
        """See ports.Control."""
        answer = self._table.ask("get_item", Key=self._key, ConsistentRead=True)
        item = answer.get("Item")
        if item is None:
            return None
        try:
            return control.read(_texts(item))
        except (KeyError, ValueError) as error:
            raise ControlUnavailableError(f"the item of {self._key} cannot be read: {error}") from error

    def write(self, order: TradingOrder) -> None:
        """See ports.Control."""
        self._table.ask("put_item", Item=self._key | _attributes(order.attributes()))


class DynamoRequests:
    """See position_ports.Requests. Used by one thread."""

    def __init__(self, table: str, account: str) -> None:
        self._table = _Table(table)
        self._account = account

    def open(self) -> tuple[Request, ...]:
        """See position_ports.Requests. An item that nobody understands is left for a person, and does no harm."""
        read = [_request(_texts(item)) for item in self._items()]
        return tuple(each for each in read if each is not None and not _final(each))

    def _items(self) -> Iterator[Mapping[str, Any]]:
        """Every request of the account, page by page."""
        asked: dict[str, Any] = {
            "KeyConditionExpression": "#pk = :pk AND begins_with(#sk, :prefix)",
            "ExpressionAttributeNames": {"#pk": names.PARTITION_KEY, "#sk": names.SORT_KEY},
            "ExpressionAttributeValues": {
                ":pk": {"S": names.account_partition(self._account)},
                ":prefix": {"S": names.REQUEST_PREFIX},
            },
            "ConsistentRead": True,
        }
        while True:
            page = self._table.ask("query", **asked)
            yield from page.get("Items", ())
            if "LastEvaluatedKey" not in page:
                return
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def answer(self, request: Request, answer: Answer) -> None:
        """See position_ports.Requests."""
        key = _item_key(names.request(self._account, request.id))
        written = request.attributes() | answer.attributes()
        self._table.ask("put_item", Item=key | _attributes(written))


def _request(item: Mapping[str, str]) -> Request | None:
    try:
        return control.read_request(item[names.SORT_KEY].removeprefix(names.REQUEST_PREFIX), item)
    except (KeyError, ValueError):
        return None


def _final(request: Request) -> bool:
    return request.answer is not None and request.answer.state is not AnswerState.TAKEN


def _item_key(key: Key) -> dict[str, dict[str, str]]:
    return {names.PARTITION_KEY: {"S": key.partition}, names.SORT_KEY: {"S": key.sort}}


def _attributes(texts: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"S": value} for name, value in texts.items()}


def _texts(item: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {name: value["S"] for name, value in item.items() if "S" in value}
