import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.environment import ExecutionMode
from contract.events import (
    EVENTS,
    BrokerConnected,
    Event,
    ExecutionRecorded,
    Heartbeat,
    Line,
    OrderRejected,
    Speaker,
    parse,
    pattern,
    render,
)

SPEAKER = Speaker("dispatcher", "4134dc1")
AT = datetime(2026, 2, 3, 17, 25, tzinfo=UTC)

st.register_type_strategy(Decimal, st.decimals(allow_nan=False, allow_infinity=False))
any_event = st.sampled_from(sorted(EVENTS)).flatmap(lambda name: st.builds(EVENTS[name]))
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(event=any_event, at=st.datetimes(timezones=st.just(UTC)))
def test_what_is_rendered_is_parsed_as_the_same_event(event: Event, at: datetime) -> None:
    line = parse(render(event, SPEAKER, at))

    assert (line.event, line.name, line.speaker, line.at) == (event, event.name, SPEAKER, at)


@given(event=any_event)
def test_an_event_is_one_line_of_flat_json(event: Event) -> None:
    rendered = render(event, SPEAKER, AT)

    assert "\n" not in rendered
    assert not any(isinstance(value, dict | list | float) for value in json.loads(rendered).values())


@given(st.text())
def test_no_text_makes_parse_raise(text: str) -> None:
    assert parse(text).raw == text.rstrip("\n")


@given(name=st.sampled_from([*sorted(EVENTS), "execution_simulated", "x"]), said=st.dictionaries(st.text(), any_json))
def test_no_json_makes_parse_raise_nor_its_event(name: str, said: dict[str, Any]) -> None:
    line = parse(json.dumps(said | {"event": name}))

    assert line.name == name
    assert line.event is None or line.event.name == name


@pytest.mark.parametrize("depth", [100, 900, 990, 2_000, 100_000])
@pytest.mark.parametrize("key", ["ts", "service", "data", "x"])
def test_no_depth_makes_parse_raise(key: str, depth: int) -> None:
    line = parse(f'{{"event": "x", "{key}": {"[" * depth}{"]" * depth}}}')

    assert line.name in {"x", None}


def test_a_line_of_plain_text_stays_raw() -> None:
    assert parse("Connected to Alpaca Paper Trading\n") == Line("Connected to Alpaca Paper Trading")


def test_json_is_found_behind_the_prefix_of_a_log_tail() -> None:
    line = parse('2026-02-03T17:25:00 dispatcher/dispatcher/0a1b {"event": "x", "data": {"ticker": "AAPL"}}')

    assert (line.name, line.fields) == ("x", {"data": {"ticker": "AAPL"}, "ticker": "AAPL"})


def test_an_event_with_a_missing_or_misspelt_value_is_not_typed_but_keeps_its_name() -> None:
    line = parse('{"event": "execution_recorded", "execution_mode": "SIMULATED_FALLBACK"}')

    assert (line.name, line.event) == ("execution_recorded", None)
    assert line.fields == {"execution_mode": "SIMULATED_FALLBACK"}


def test_the_connection_is_said_in_the_originals_words() -> None:
    event = BrokerConnected(
        account="large",
        account_number="PA3PBOQAH7ZY",
        buying_power=Decimal("209234.50"),
        equity=Decimal(100),
        host="paper-api.alpaca.markets",
    )

    assert json.loads(render(event, SPEAKER, AT)) == {
        "ts": "2026-02-03T17:25:00+00:00",
        "event": "broker_connected",
        "service": "dispatcher",
        "build": "4134dc1",
        "account": "large",
        "account_number": "PA3PBOQAH7ZY",
        "buying_power": "209234.50",
        "equity": "100",
        "host": "paper-api.alpaca.markets",
        "message": "Connected to Alpaca Paper Trading",
    }


def test_a_pattern_names_the_event_and_the_values_asked_for() -> None:
    assert pattern(Heartbeat) == '{ ($.event = "heartbeat") }'
    assert pattern(OrderRejected, http_status=422) == '{ ($.event = "order_rejected") && ($.http_status = 422) }'
    assert pattern(Heartbeat, standing_by=True) == '{ ($.event = "heartbeat") && ($.standing_by = TRUE) }'
    assert pattern(ExecutionRecorded, execution_mode=ExecutionMode.SIMULATED) == (
        '{ ($.event = "execution_recorded") && ($.execution_mode = "SIMULATED") }'
    )


def test_a_pattern_of_a_field_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="heartbeat has no field pulse; it has accepted, account"):
        pattern(Heartbeat, pulse=1)
