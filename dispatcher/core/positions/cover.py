"""What protects a position of shares at the broker, and what is to be done where nothing does."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal

from contract.limits import ByHand, Exits
from dispatcher.core.order import APART, Side
from dispatcher.core.positions.book import Book, Exit, ExitReason, Plan
from dispatcher.core.positions.sight import Sight, unusable

ZERO = Decimal(0)
STOPS = frozenset({"stop", "stop_limit", "trailing_stop"})
COMPLEX = frozenset({"bracket", "oco", "oto"})
ENDED = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})
OURS = ("d1-", "p1-")
"""What our own order ids begin with: entries, and exits."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What the broker holds of one symbol. Quantities are signed; `available` is what no order keeps back.

    `average_price`, `market_value` and `unrealized` in USD, the broker's own.
    """

    symbol: str
    quantity: Decimal
    available: Decimal
    average_price: Decimal | None
    market_value: Decimal
    unrealized: Decimal


@dataclass(frozen=True, slots=True)
class Working:
    """An order that stands at the broker, leg or whole. `parent` is the order it is a leg of; prices in USD."""

    id: str
    client_order_id: str
    symbol: str
    side: Side
    kind: str
    order_class: str
    status: str
    quantity: Decimal
    filled: Decimal
    limit: Decimal | None = None
    stop: Decimal | None = None
    submitted_at: datetime | None = None
    parent: "Working | None" = None

    @property
    def remaining(self) -> Decimal:
        """What may still fill."""
        return max(self.quantity - self.filled, ZERO)

    @property
    def ended(self) -> bool:
        """Whether nothing will happen to it any more. A word we do not know is not an end."""
        return self.status in ENDED

    @property
    def armed(self) -> bool:
        """Whether the market can reach it: a bracket's leg waits until the entry is completely filled."""
        waits = self.parent is not None and self.parent.order_class != "oco" and self.parent.status != "filled"
        return not self.ended and not waits

    @property
    def arms_legs(self) -> bool:
        """Whether it is an entry whose legs go live with its last share."""
        return self.parent is None and self.order_class in {"bracket", "oto"}

    @property
    def ours(self) -> bool:
        """Whether we sent it, or the order it is a leg of."""
        return (self.parent or self).client_order_id.startswith(OURS)


@dataclass(frozen=True, slots=True)
class Covered:
    """Live stops stand for the whole position."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Shares are without a live stop, and what is under way protects or closes them."""

    bare: Decimal
    why: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Orders must go first, by the broker's ids."""

    bare: Decimal
    orders: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Shelter:
    """Send a target and a stop of our own for `quantity` whole shares. Prices in USD, not yet on a tick."""

    bare: Decimal
    side: Side
    quantity: int
    plan: Plan


@dataclass(frozen=True, slots=True)
class Leave:
    """Close the position: the market is past what should have protected it."""

    bare: Decimal
    exit: Exit


@dataclass(frozen=True, slots=True)
class Alarm:
    """Shares are without a live stop, and nothing we may do protects them."""

    bare: Decimal
    why: str


Care = Covered | Wait | Cancel | Shelter | Leave | Alarm


@dataclass(frozen=True, slots=True)
class Scene:
    """One position of shares at one moment: our book, the broker's holding and orders, the quote if there is one."""

    book: Book
    holding: Holding
    orders: tuple[Working, ...]
    sight: Sight | None
    now: datetime

    @property
    def closing(self) -> Side:
        """The side that reduces the position."""
        return Side.SELL if self.holding.quantity > 0 else Side.BUY

    @property
    def stopped(self) -> Decimal:
        """Shares that a live stop stands for."""
        stops = (each for each in self.orders if each.side is self.closing and each.kind in STOPS and each.armed)
        return sum((each.remaining for each in stops), ZERO)


def bare(scene: Scene) -> Decimal:
    """Shares without a live stop; negative when stops stand for more than is held."""
    return abs(scene.holding.quantity) - scene.stopped


def protection(scene: Scene) -> str | None:
    """The orders that the market can reach and that close the position, in words; None when there is none."""
    closing = [each for each in scene.orders if each.side is scene.closing and each.armed]
    return ", ".join(sorted(_words(each) for each in closing)) or None


def _words(order: Working) -> str:
    price = order.stop if order.kind in STOPS else order.limit
    kind = "stop" if order.kind in STOPS else "target" if order.order_class in COMPLEX else order.kind
    return f"{kind} {order.remaining}{'' if price is None else f' at {price}'}"


def care(scene: Scene, policy: Exits) -> Care:
    """What protects the position, or what must happen so that something does."""
    missing = bare(scene)
    if missing == 0:
        return Covered()
    if missing < 0:
        stops = tuple(each.id for each in scene.orders if each.side is scene.closing and each.armed)
        return Cancel(ZERO, stops, "stops stand for more shares than are held")
    return _under_way(scene, missing, policy) or _protect(scene, missing, policy)


def plan_of(scene: Scene, policy: Exits) -> Plan | None:
    """The prices to protect with: the recommendation's, or declared distances from the broker's average price.

    The recommendation's are of shares as they were then: splits since are reckoned in, and they are not used where a
    change of quantity is not explained yet, which may be one.
    """
    plan = scene.book.plan
    if plan is not None and not scene.book.unexplained:
        ratio = scene.book.tally.ratio
        source = plan.source if ratio == 1 else f"{plan.source}, {ratio:f} shares of each since"
        return Plan(plan.stop_loss / ratio, plan.take_profit / ratio, source)
    base = scene.holding.average_price
    if base is None or policy.by_hand is not ByHand.PROTECT:
        return None
    sign = 1 if scene.closing is Side.SELL else -1
    stop, target = base * (1 - sign * policy.stop_fraction), base * (1 + sign * policy.target_fraction)
    return Plan(stop, target, "declared distances from the average price")


def _under_way(scene: Scene, missing: Decimal, policy: Exits) -> Care | None:
    """What already happens in the symbol and must end before anything new is sent."""
    if any(each.status in {"pending_cancel", "pending_replace"} for each in scene.orders):
        return Wait(missing, "a cancellation is not confirmed yet")
    if any(_closes_at_market(each, scene.closing) for each in scene.orders):
        return Wait(missing, "an order at the market closes it")
    entries = tuple(each for each in scene.orders if each.arms_legs and each.side is not scene.closing)
    live = tuple(each.id for each in entries if not each.ended and each.remaining)
    if not live:
        return None
    if scene.now - (scene.book.unprotected_since or scene.now) < timedelta(seconds=policy.partial_entry_seconds):
        return Wait(missing, "its entry is partly filled; the legs go live with the last share")
    return Cancel(
        missing, live, "its entry stayed partly filled; the rest is cancelled so that the part can be protected"
    )


def _closes_at_market(order: Working, closing: Side) -> bool:
    return order.side is closing and order.kind == "market" and not order.ended and order.remaining > 0


def _protect(scene: Scene, missing: Decimal, policy: Exits) -> Care:
    plan = plan_of(scene, policy)
    if plan is None:
        return Alarm(missing, "no plan is known, and the policy for positions by hand is to alarm")
    if abs(scene.holding.available) < missing:
        return _clear(scene, missing)
    why = unusable(scene.sight, scene.now, policy)
    if scene.sight is None or why is not None:
        return Alarm(missing, f"no stop can be placed: {why or 'no quote'}")
    past = _past(scene, scene.sight, plan, missing)
    if past is not None and scene.holding.quantity != scene.book.quantity:
        held, booked = scene.holding.quantity, scene.book.quantity
        return Wait(missing, f"past what was planned, but for {booked}, and the broker holds {held}: it may be a split")
    return past or _shelter(scene, plan, missing)


def _clear(scene: Scene, missing: Decimal) -> Care:
    """Orders without a stop keep the shares back. Ours make way; another's are a person's decision."""
    holding_back = [each for each in scene.orders if each.side is scene.closing and each.armed]
    if not holding_back:
        return Wait(missing, "the broker still keeps the shares back")
    if all(each.ours for each in holding_back):
        ids = tuple(each.id for each in holding_back)
        return Cancel(missing, ids, "orders of ours keep the shares back without a stop")
    return Alarm(missing, "an order by hand keeps the shares back without a stop")


def _past(scene: Scene, sight: Sight, plan: Plan, missing: Decimal) -> Leave | None:
    """The market is where the plan would have ended: the broker would refuse the order, and waiting is no plan."""
    sign = 1 if scene.closing is Side.SELL else -1
    market = sight.bid if sign > 0 else sight.ask
    if sign * (market - plan.stop_loss) < APART:
        return Leave(missing, Exit(ExitReason.PAST_STOP, f"market {market}", f"stop {plan.stop_loss}", scene.now))
    if sign * (plan.take_profit - market) < 0:
        return Leave(missing, Exit(ExitReason.PAST_TARGET, f"market {market}", f"target {plan.take_profit}", scene.now))
    return None


def _shelter(scene: Scene, plan: Plan, missing: Decimal) -> Care:
    whole = int(missing.to_integral_value(ROUND_FLOOR))
    if whole == 0:
        return Alarm(missing, "less than one share cannot have a stop at the broker")
    return Shelter(missing, scene.closing, whole, plan)
