"""Limits are read strictly: whatever cannot be believed is named, and no declaration lifts a ceiling unsaid."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from contract import limits
from contract.limits import CEILINGS, Limits
from contract.strict import DocumentError
from tests.dispatcher.cases import limits as declared


def read(**changes: Any) -> Limits:
    """The good limits with these changes, as a service reads them from its environment."""
    document = json.loads(declared().document()) | changes
    return limits.parse(json.dumps(document), name="limits")


def problems(read_it: Callable[[], object]) -> list[str]:
    """What is wrong, each with its path."""
    with pytest.raises(DocumentError) as caught:
        read_it()
    return [str(each) for each in caught.value.problems]


def test_what_a_declaration_says_is_what_a_service_reads() -> None:
    assert limits.parse(declared().document(), name="limits") == declared()


@pytest.mark.parametrize(("name", "most"), CEILINGS.items())
def test_a_limit_may_reach_its_ceiling_and_not_go_beyond(name: str, most: Decimal) -> None:
    assert getattr(read(**{name: int(most)}), name) == most
    (told,) = problems(lambda: read(**{name: int(most) + 1}))

    assert f"{name} is above {most}; lower it, or set above_ceilings = true and mean it" in told


def test_a_named_switch_lifts_the_ceilings() -> None:
    assert read(max_daily_loss=1_000_000, above_ceilings=True).max_daily_loss == 1_000_000


@pytest.mark.parametrize(
    ("path", "most"), [(("sizing", "risk_fraction"), 0.05), (("options", "contracts", "max_fraction"), 0.05)]
)
def test_what_one_trade_may_lose_has_a_ceiling_that_nothing_lifts(path: tuple[str, ...], most: float) -> None:
    document = json.loads(declared().document()) | {"above_ceilings": True}
    table = document
    for step in path[:-1]:
        table = table[step]
    table[path[-1]] = most + 0.01
    told = problems(lambda: limits.parse(json.dumps(document), name="limits"))

    assert any(path[-1] in each or ".".join(path[:-1]) in each for each in told)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"max_notional": 5}, "max_notional: unknown key; did you mean max_notional_per_order?"),
        ({"max_open_positions": "30"}, "max_open_positions: '30' is not a whole number"),
        ({"max_open_positions": True}, "max_open_positions: True is not a whole number"),
        ({"max_open_positions": 0}, "max_open_positions: must be greater than 0"),
        ({"max_daily_loss": "a lot"}, "max_daily_loss: 'a lot' is not a decimal number"),
        ({"max_exposure": None}, "max_exposure: None is not a decimal number"),
        ({"min_confidence_stock": 1.01}, "min_confidence_stock: must be greater than 0 and at most 1"),
        ({"trading_state": "PAUSED"}, "trading_state: 'PAUSED' is none of ACTIVE, REDUCE_ONLY, HALTED"),
        ({"allowed_actions": "BUY_STOCK"}, "allowed_actions: 'BUY_STOCK' is not a list"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], told: str) -> None:
    assert problems(lambda: read(**changes)) == [told]


def test_everything_wrong_is_told_at_once_and_what_is_missing_too() -> None:
    document = json.loads(declared().document())
    del document["max_daily_loss"]
    document["max_exposure"] = -1
    told = problems(lambda: limits.parse(json.dumps(document), name="limits"))

    assert told == ["max_daily_loss: is missing; add it", "max_exposure: must be greater than 0"]


@pytest.mark.parametrize("text", ["", "max_exposure = 5", "[]", '{"max_exposure": 1, "max_exposure": 2}'])
def test_another_format_is_no_limits(text: str) -> None:
    assert problems(lambda: limits.parse(text, name="limits"))
