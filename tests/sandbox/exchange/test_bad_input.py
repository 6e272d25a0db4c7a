"""Whatever is sent, an Alpaca-shaped answer comes back: no traceback, no hang, no half-made order."""

import json
import socket

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.exchange import Running
from tests.sandbox.exchange.exchange_desk import KEY, SECRET, Http, bracket, limit

INVALID = (400, {"code": 40010000, "message": "request body format is invalid"})


def raw(http: Http, body: bytes) -> tuple[int, object]:
    answer = http.session.post(http.url + "/v2/orders", data=body, timeout=10)
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"3",
        b'{"symbol": "AAPL"',
        b'{"qty": NaN}',
        b'{"qty": Infinity}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"qty": ' + b"9" * 5000 + b"}",
    ],
    ids=["empty", "words", "list", "number", "open", "nan", "infinity", "bytes", "deep", "huge number"],
)
def test_a_body_that_is_no_json_object_is_refused(http: Http, body: bytes) -> None:
    assert raw(http, body) == INVALID


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"symbol": "AAPL"}', b'{"symbol": "AAPL", "qty": "1"}', b'{"symbol": "AAPL", "qty": "1", "side": "buy"}'],
    ids=["nothing", "a symbol", "a quantity", "a side"],
)
def test_a_missing_key_is_named(http: Http, body: bytes) -> None:
    status, answer = raw(http, body)

    assert isinstance(answer, dict)
    assert (status, answer["code"], answer["message"]) == (422, 40010001, "type is required")


@pytest.mark.parametrize("number", ["1e300", "-1e300", "1e-300", "9" * 400, "0x10", "١٢٣", "--1", "1e", "Infinity"])
@pytest.mark.parametrize("field", ["qty", "limit_price"])
def test_an_absurd_number_is_refused(http: Http, field: str, number: str) -> None:
    status, answer = http.order(**limit(**{field: number}))

    assert (status, answer["code"]) == (422, 40010001)
    assert field in answer["message"]


@pytest.mark.parametrize("headers", [{}, {"APCA-API-KEY-ID": KEY}, {"APCA-API-SECRET-KEY": SECRET}])
def test_without_its_keys_a_request_is_unauthorized(exchange: Running, headers: dict[str, str]) -> None:
    answer = requests.get(exchange.url + "/v2/account", headers=headers, timeout=5)

    assert (answer.status_code, answer.json()) == (401, {"message": "unauthorized."})


def test_a_request_whose_body_never_comes_keeps_nobody_waiting(exchange: Running, http: Http) -> None:
    port = int(exchange.url.rpartition(":")[2])
    keys = f"APCA-API-KEY-ID: {KEY}\r\nAPCA-API-SECRET-KEY: {SECRET}\r\n"
    half = f"POST /v2/orders HTTP/1.1\r\nHost: x\r\n{keys}Content-Length: 1000\r\n\r\n{{".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
        wire.sendall(half)

        assert http.order(**limit())[0] == 200
    assert len(http.listed("/v2/orders")) == 1


def test_ten_megabytes_are_too_much(http: Http) -> None:
    status, answer = raw(http, b'{"symbol": "' + b"A" * 10_000_000 + b'"}')

    assert (status, answer) == (413, {"code": 41310000, "message": "request body is too large"})
    assert http.get("/v2/clock")[0] == 200


@pytest.mark.parametrize(("method", "path"), [("PUT", "/v2/orders"), ("POST", "/v2/account"), ("DELETE", "/v2/clock")])
def test_a_wrong_verb_is_refused(http: Http, method: str, path: str) -> None:
    assert http.send(method, path) == (405, {"code": 40510000, "message": "method not allowed"})


@pytest.mark.parametrize("path", ["/", "/v2", "/v2/orders/", "/v2//orders", "/v3/accounts", "/%00", "/v2/orders/a/b/c"])
def test_an_unknown_path_is_not_found(http: Http, path: str) -> None:
    assert http.get(path) == (404, {"code": 40410000, "message": "endpoint not found"})


def test_what_is_not_http_is_told_so_and_hung_up_on(exchange: Running) -> None:
    port = int(exchange.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
        wire.sendall(b"HELO exchange\r\n\r\n")
        answer = wire.recv(4096)

    assert answer.startswith(b"HTTP/1.")
    assert b" 400 " in answer.splitlines()[0]
    assert b"Traceback" not in answer


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from([*limit(), *bracket(), "notional", "stop_price", "legs", "client_order_id", "extended_hours"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(FIELDS, JSON, max_size=4), base=st.sampled_from([limit(), bracket()]))
def test_an_order_with_anything_in_its_fields_is_taken_or_refused_in_shape(
    exchange: Running, http: Http, changes: dict[str, object], base: dict[str, object]
) -> None:
    exchange.settings(rate_limit=0)
    status, answer = raw(http, json.dumps({**base, **changes}).encode())

    assert status in (200, 400, 403, 404, 422)
    assert isinstance(answer, dict)
    assert "id" in answer if status == 200 else {"code", "message"} <= answer.keys()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.dictionaries(
        st.sampled_from(["status", "limit", "after", "until", "nested", "symbols"]), st.text(max_size=12)
    )
)
def test_a_query_with_anything_in_it_is_answered_in_shape(exchange: Running, http: Http, query: dict[str, str]) -> None:
    exchange.settings(rate_limit=0)
    answer = http.session.get(http.url + "/v2/orders", params=query, timeout=5)

    assert answer.status_code in (200, 422)
    assert isinstance(answer.json(), list) or "message" in answer.json()


def test_a_thousand_open_sockets_do_not_keep_others_waiting(exchange: Running, http: Http) -> None:
    port = int(exchange.url.rpartition(":")[2])
    idle = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(1000)]
    try:
        answers = [requests.get(http.url + "/v2/clock", headers=http.session.headers, timeout=5).status_code]
        for wire in idle[::50]:
            wire.sendall(b"GET /v2/nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
            answers.append(int(wire.recv(4096).split()[1]))
    finally:
        for wire in idle:
            wire.close()

    assert answers == [200] + [404] * 20
