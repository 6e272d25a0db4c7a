"""What accounts may do, as it stands in the control table, where the services hear it within a second."""

from collections.abc import Mapping
from typing import Any

from contract import control, names
from contract.control import Request, TradingOrder
from contract.names import PARTITION_KEY, SORT_KEY, Key
from ops.aws.session import Aws, Call
from ops.errors import Exit, OpsError


def read_call(table: str, account: str) -> Call:
    """Asks for an account's trading state as it is now."""
    return _get(table, names.trading_state(account))


def write_call(table: str, account: str, order: TradingOrder) -> Call:
    """Writes an account's trading state over whatever it was."""
    return _put(table, names.trading_state(account), order.attributes())


def request_call(table: str, account: str, request: Request) -> Call:
    """Leaves a request for the account's position manager."""
    return _put(table, names.request(account, request.id), request.attributes())


class TradingTable:
    """The accounts' items of the control table."""

    def __init__(self, aws: Aws, table: str) -> None:
        self._aws = aws
        self._table = table

    def read(self, account: str) -> TradingOrder | None:
        """What was said last; None when nobody ever said anything.

        Raises:
            OpsError: what stands there cannot be read.
        """
        item = self._aws.ask(read_call(self._table, account)).get("Item")
        if item is None:
            return None
        try:
            return control.read(_texts(item))
        except (KeyError, ValueError) as error:
            raise OpsError(
                f"the trading state of {account} cannot be read: {error}; the services take it for REDUCE_ONLY",
                next_step=f"say it anew: ops trading halt {account} --why ..., or resume",
                exit_code=Exit.NOT_DONE,
            ) from error

    def write(self, account: str, order: TradingOrder) -> None:
        """Say what the account may do."""
        self._aws.ask(write_call(self._table, account, order))

    def leave(self, account: str, request: Request) -> None:
        """Leave a request."""
        self._aws.ask(request_call(self._table, account, request))

    def request(self, account: str, identity: str) -> Request | None:
        """The request as it stands now, with its answer; None when it is gone, or nobody can read it any more."""
        item = self._aws.ask(_get(self._table, names.request(account, identity))).get("Item")
        try:
            return control.read_request(identity, _texts(item)) if item else None
        except (KeyError, ValueError):
            return None


def _get(table: str, key: Key) -> Call:
    return Call("dynamodb", "GetItem", {"TableName": table, "Key": _key(key), "ConsistentRead": True})


def _texts(item: Mapping[str, Any]) -> dict[str, str]:
    return {name: value["S"] for name, value in item.items() if "S" in value}


def _put(table: str, key: Key, attributes: Mapping[str, str]) -> Call:
    item: dict[str, Any] = {name: {"S": value} for name, value in attributes.items()}
    return Call("dynamodb", "PutItem", {"TableName": table, "Item": _key(key) | item})


def _key(key: Key) -> dict[str, Any]:
    return {PARTITION_KEY: {"S": key.partition}, SORT_KEY: {"S": key.sort}}
