"""The control table: the lock with its fencing number, and items that only the lock's holder may write."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from contract.names import DEPLOY_LOCK, PARTITION_KEY, SORT_KEY, Key
from ops.aws.session import Aws, AwsError, Call
from ops.core.lock import Lock
from ops.core.seen import Who
from ops.errors import Exit, OpsError

_REFUSED = "ConditionalCheckFailed"
"""In the code of a refused write, and in the words of a refused transaction."""
_CONFLICT = "TransactionConflict"
"""Somebody else looked at the lock in the same moment. Neither refused nor done."""
_ATTEMPTS = 5
_TAKE = (
    "SET fence = if_not_exists(fence, :zero) + :one, #token = :token, who = :who, host = :host, ci = :ci, "
    "purpose = :purpose, since = :since, expires = :expires"
)
_FREE = "attribute_not_exists(expires) OR expires <= :now OR #token = :token"
_DEAD = "fence = :over"
_OURS = "fence = :fence AND #token = :token"
_TOKEN = {"#token": "token"}


def take_call(table: str, wanted: Lock, now: datetime, over: int | None = None) -> Call:
    """Takes the lock if it is free, or ours already because an answer was lost; its fencing number grows by one.

    With `over` it is taken from the holder of that fencing number, who is dead, and from nobody else.
    """
    values = {
        ":zero": {"N": "0"},
        ":one": {"N": "1"},
        ":token": {"S": wanted.token},
        ":who": {"S": wanted.who.arn},
        ":host": {"S": wanted.who.host},
        ":ci": {"S": wanted.who.ci},
        ":purpose": {"S": wanted.purpose},
        ":since": {"S": wanted.since.isoformat()},
        ":expires": _milliseconds(wanted.expires),
    }
    if over is not None:
        return _update(table, _TAKE, _DEAD, {**values, ":over": {"N": str(over)}})
    return _update(table, _TAKE, _FREE, {**values, ":now": _milliseconds(now)})


def renew_call(table: str, lock: Lock, expires: datetime) -> Call:
    """Moves the lock's end, if it is still ours."""
    values = {
        ":fence": {"N": str(lock.fence)},
        ":token": {"S": lock.token},
        ":expires": _milliseconds(expires),
    }
    return _update(table, "SET expires = :expires", _OURS, values)


def write_call(table: str, key: Key, document: Mapping[str, Any], fence: int) -> Call:
    """Writes an item, if the lock's fencing number is still this one: both or neither."""
    item = {**_key(key), "document": {"S": json.dumps(document, default=str)}, "fence": {"N": str(fence)}}
    check = {
        "TableName": table,
        "Key": _key(DEPLOY_LOCK),
        "ConditionExpression": "fence = :fence",
        "ExpressionAttributeValues": {":fence": {"N": str(fence)}},
    }
    put = {"TableName": table, "Item": item}
    return Call("dynamodb", "TransactWriteItems", {"TransactItems": [{"ConditionCheck": check}, {"Put": put}]})


def read_call(table: str, key: Key) -> Call:
    """Asks for an item as it is now."""
    return Call("dynamodb", "GetItem", {"TableName": table, "Key": _key(key), "ConsistentRead": True})


def newest_call(table: str, partition: str, limit: int) -> Call:
    """Asks for the items of a partition with the greatest sort keys, greatest first."""
    request = {
        "TableName": table,
        "KeyConditionExpression": "#pk = :pk",
        "ExpressionAttributeNames": {"#pk": PARTITION_KEY},
        "ExpressionAttributeValues": {":pk": {"S": partition}},
        "ScanIndexForward": False,
        "ConsistentRead": True,
        "Limit": limit,
    }
    return Call("dynamodb", "Query", request)


class ControlTable:
    """The release engine's `ops.world.Control`."""

    def __init__(self, aws: Aws, table: str) -> None:
        self._aws = aws
        self._table = table

    def lock(self) -> Lock | None:
        """The lock as it is; None when nobody has ever taken it."""
        item = self._ask(read_call(self._table, DEPLOY_LOCK)).get("Item")
        return _lock(item) if item else None

    def take(self, wanted: Lock, now: datetime, *, over: int | None = None) -> Lock | None:
        """Take the lock unless somebody else holds it; with its new fencing number, or None."""
        answer = self._unless_refused(take_call(self._table, wanted, now, over))
        return _lock(answer["Attributes"]) if answer is not None else None

    def renew(self, lock: Lock, expires: datetime) -> bool:
        """Hold it until then, if it is ours still."""
        return self._unless_refused(renew_call(self._table, lock, expires)) is not None

    def let_go(self, lock: Lock, now: datetime) -> None:
        """Hold it no longer, if it is ours still."""
        self._unless_refused(renew_call(self._table, lock, now))

    def write(self, key: Key, document: Mapping[str, Any], fence: int) -> bool:
        """Write an item if the lock's fencing number is still this one; whether it was written."""
        return self._unless_refused(write_call(self._table, key, document, fence)) is not None

    def read(self, key: Key) -> Mapping[str, Any] | None:
        """An item; None when there is none."""
        item = self._ask(read_call(self._table, key)).get("Item")
        return _document(item) if item else None

    def newest(self, partition: str, limit: int) -> tuple[Mapping[str, Any], ...]:
        """The items with the greatest sort keys, greatest first."""
        found: list[Mapping[str, Any]] = []
        request = newest_call(self._table, partition, limit)
        while True:
            answer = self._ask(request)
            found += map(_document, answer["Items"])
            if "LastEvaluatedKey" not in answer or len(found) >= limit:
                return tuple(found[:limit])
            more = {**request.request, "ExclusiveStartKey": answer["LastEvaluatedKey"]}
            request = Call(request.service, request.operation, more)

    def _unless_refused(self, call: Call) -> dict[str, Any] | None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._ask(call)
            except AwsError as error:
                if _REFUSED in error.code or _REFUSED in error.message:
                    return None
                if _CONFLICT not in error.message or attempt == _ATTEMPTS:
                    raise
        return None

    def _ask(self, call: Call) -> dict[str, Any]:
        try:
            return self._aws.ask(call)
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            raise OpsError(
                f"there is no control table {self._table}",
                next_step="cdk deploy the registry stack, then the same again",
                exit_code=Exit.FINDINGS,
            ) from error


def _update(table: str, update: str, condition: str, values: Mapping[str, Any]) -> Call:
    request = {
        "TableName": table,
        "Key": _key(DEPLOY_LOCK),
        "UpdateExpression": update,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": _TOKEN,
        "ExpressionAttributeValues": dict(values),
        "ReturnValues": "ALL_NEW",
    }
    return Call("dynamodb", "UpdateItem", request)


def _key(key: Key) -> dict[str, dict[str, str]]:
    return {PARTITION_KEY: {"S": key.partition}, SORT_KEY: {"S": key.sort}}


def _document(item: Mapping[str, Any]) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(item["document"]["S"])
    return document


def _lock(item: Mapping[str, Any]) -> Lock:
    return Lock(
        fence=int(item["fence"]["N"]),
        token=item["token"]["S"],
        who=Who(arn=item["who"]["S"], host=item["host"]["S"], ci=item.get("ci", {}).get("S", "")),
        purpose=item["purpose"]["S"],
        since=datetime.fromisoformat(item["since"]["S"]),
        expires=datetime.fromtimestamp(int(item["expires"]["N"]) / 1000, UTC),
    )


def _milliseconds(at: datetime) -> dict[str, str]:
    return {"N": str(round(at.timestamp() * 1000))}
