"""What people ask for: close one position, or everything. Obeyed through the same way out, as often as asked."""

from collections.abc import Mapping, Sequence

from contract.control import Answer, AnswerState, Ask, Request
from contract.events import ControlUnavailable, RequestAnswered
from dispatcher.core.positions.book import Book, Exit, ExitReason, Stage
from dispatcher.core.positions.cover import Holding, Working
from dispatcher.ports import ControlUnavailableError
from dispatcher.position_ports import Requests
from dispatcher.shell.positions import exiting
from dispatcher.shell.positions.desk import PositionDesk
from dispatcher.shell.positions.leaving import FEW


def obey(
    desk: PositionDesk, live: dict[str, Book], holdings: Mapping[str, Holding], orders: tuple[Working, ...]
) -> None:
    """Take up every open request; `live` says afterwards which positions are on their way out."""
    if desk.requests is None:
        return
    try:
        for request in desk.requests.open():
            state, detail = _consider(desk, request, live, holdings, orders)
            _answer(desk, desk.requests, request, Answer(state, desk.wall(), detail))
        desk.settled("control", "")
    except ControlUnavailableError as error:
        if desk.news("control", "", str(error)):
            desk.say(ControlUnavailable(account=desk.name, error=str(error)))


def _consider(
    desk: PositionDesk,
    request: Request,
    live: dict[str, Book],
    holdings: Mapping[str, Holding],
    orders: tuple[Working, ...],
) -> tuple[AnswerState, str]:
    old = (desk.wall() - request.at).total_seconds()
    if request.answer is None and old > desk.policy.request_seconds:
        return AnswerState.REFUSED, f"asked {old:.0f} s ago, at most {desk.policy.request_seconds} s; ask again"
    if request.ask is Ask.FLATTEN:
        return _flatten(desk, request, live, holdings, orders)
    return _close(desk, request, live, holdings)


def _close(
    desk: PositionDesk, request: Request, live: dict[str, Book], holdings: Mapping[str, Holding]
) -> tuple[AnswerState, str]:
    symbol = request.symbol or ""
    if symbol in live:
        _leave(desk, live, (symbol,), Exit(ExitReason.REQUESTED, f"by {request.by}", request.why, desk.now()))
        return AnswerState.TAKEN, "being closed"
    if symbol in holdings:
        return AnswerState.TAKEN, "held, and not in the books yet"
    if request.answer is None:
        return AnswerState.REFUSED, f"nothing is held of {symbol}"
    return AnswerState.DONE, f"the broker holds nothing of {symbol}"


def _flatten(
    desk: PositionDesk,
    request: Request,
    live: dict[str, Book],
    holdings: Mapping[str, Holding],
    orders: tuple[Working, ...],
) -> tuple[AnswerState, str]:
    if not (live or holdings or orders):
        return AnswerState.DONE, "the broker holds nothing, and no order stands"
    _leave(desk, live, tuple(live), Exit(ExitReason.FLATTEN, f"by {request.by}", request.why, desk.now()))
    _cancel(desk, [each for each in orders if each.parent is None], live)
    return AnswerState.TAKEN, f"{len(holdings)} positions and {len(orders)} orders left"


def _cancel(desk: PositionDesk, orders: Sequence[Working], live: Mapping[str, Book]) -> None:
    """Cancel what rests without a position; the stops of a position stay where they are until it can be closed."""
    resting = [each for each in orders if each.symbol not in live]
    closing = any(each.kind == "market" for each in orders)
    if len(resting) > FEW and desk.market_open() and not closing:
        desk.broker.cancel_all()
        return
    for order in resting:
        desk.broker.cancel(order.id)


def _leave(desk: PositionDesk, live: dict[str, Book], symbols: Sequence[str], leaving: Exit) -> None:
    staying = [live[symbol] for symbol in symbols if live[symbol].stage is Stage.OPEN]
    if staying:
        live |= {book.symbol: book for book in exiting.mark(desk, staying, leaving)}


def _answer(desk: PositionDesk, requests: Requests, request: Request, answer: Answer) -> None:
    """Write it back when it is another answer than before; the table's reader wants news, not repetition."""
    if request.answer is not None and request.answer.state is answer.state:
        return
    requests.answer(request, answer)
    desk.say(
        RequestAnswered(
            account=desk.name,
            request=request.id,
            ask=request.ask,
            symbol=request.symbol,
            by=request.by,
            answer=answer.state,
            detail=answer.detail,
        )
    )
