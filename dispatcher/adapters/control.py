"""The control table in DynamoDB, for one account. The task's role may touch this account's items and no others."""

from collections.abc import Mapping
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from contract import control, names
from contract.control import TradingOrder
from dispatcher.ports import ControlUnavailableError

SECONDS = 2
"""One answer must come well before UNREADABLE_SECONDS are over."""


class DynamoControl:
    """See ports.Control. Used by one thread."""

    def __init__(self, table: str, account: str) -> None:
        config = Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"mode": "standard", "max_attempts": 1})
        self._client = Session().create_client("dynamodb", config=config)
        self._table = table
        key = names.trading_state(account)
        self._key = {names.PARTITION_KEY: {"S": key.partition}, names.SORT_KEY: {"S": key.sort}}

    def read(self) -> TradingOrder | None:
        """See ports.Control."""
        answer = self._ask("get_item", Key=self._key, ConsistentRead=True)
        item = answer.get("Item")
        if item is None:
            return None
        try:
            return control.read({name: value["S"] for name, value in item.items() if "S" in value})
        except (KeyError, ValueError) as error:
            raise ControlUnavailableError(f"the item of {self._key} cannot be read: {error}") from error

    def write(self, order: TradingOrder) -> None:
        """See ports.Control."""
        attributes = {name: {"S": value} for name, value in order.attributes().items()}
        self._ask("put_item", Item=self._key | attributes)

    def _ask(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = getattr(self._client, operation)(TableName=self._table, **parameters)
        except (BotoCoreError, ClientError) as error:
            raise ControlUnavailableError(str(error)) from error
        return answer
