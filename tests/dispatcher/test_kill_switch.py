"""The kill switch whole: a person at the command line, a real table, a dispatcher at work."""

import pytest
from click.testing import CliRunner

from ops.cli.root import ops
from tests.dispatcher.endpoint import AWS
from tests.dispatcher.steered import say, service
from tests.dispatcher.world import World

pytestmark = pytest.mark.world


def test_a_halt_cancels_what_rests_refuses_what_comes_survives_a_restart_and_ends_with_a_resume(
    world: World, endpoint: str
) -> None:
    say(endpoint, "trading", "resume", "large", "--why", "the drill begins")
    with service(world, endpoint) as log:
        log.until("reconcile_completed")
        resting = world.recommend(reason={"plan": {"entry": 150.0, "stop_loss": 145.0, "take_profit": 160.0}})
        log.until("order_accepted", recommendation_id=resting)
        say(endpoint, "trading", "halt", "large", "--why", "a drill")
        heard = log.until("trading_state_changed")
        cancelled = log.until("order_updated", recommendation_id=resting)
        refused = world.recommend(ticker="MSFT", reason={})
        refusal = log.until("recommendation_refused", recommendation_id=refused)

    with service(world, endpoint) as log:
        log.until("reconcile_completed")
        again = world.recommend(ticker="ADBE", reason={})
        refusal_after_restart = log.until("recommendation_refused", recommendation_id=again)
        say(endpoint, "trading", "resume", "large", "--why", "the drill is over")
        log.until("trading_state_changed", state="ACTIVE")
        wanted = world.recommend(ticker="SNDL", reason={})
        log.until("order_accepted", recommendation_id=wanted)

    assert heard["state"] == "HALTED"
    assert "a drill" in heard["why"]
    assert (cancelled["state"], cancelled["filled_qty"]) == ("canceled", "0")
    assert [refusal["reason"], refusal_after_restart["reason"]] == ["trading_halted", "trading_halted"]
    assert [(order["symbol"], order["status"]) for order in world.orders() if order["symbol"] == "AAPL"] == [
        ("AAPL", "canceled")
    ]


def test_what_was_said_is_shown_with_who_and_why(endpoint: str) -> None:
    said = say(endpoint, "trading", "reduce", "large", "--why", "earnings tonight")

    assert say(endpoint, "trading", "show")["trading"] == {**said["trading"], "tiny": None}
    assert {key: said["trading"]["large"][key] for key in ("state", "why")} == {
        "state": "REDUCE_ONLY",
        "why": "earnings tonight",
    }


def test_a_flatten_halts_and_says_when_nobody_takes_it_up(endpoint: str) -> None:
    said = say(endpoint, "trading", "flatten", "large", "--why", "enough", "--wait", "0s", ends=5)
    state = say(endpoint, "trading", "show", "large")["trading"]["large"]

    assert (state["state"], state["why"]) == ("HALTED", "flatten: enough")
    assert said["accounts"]["large"]["answer"] is None
    assert "whether the position manager runs" in said["next"]


def test_an_unreachable_endpoint_is_told_with_the_next_step() -> None:
    answer = CliRunner().invoke(ops, ["--endpoint-url", "http://127.0.0.1:9", "trading", "show"], env=AWS)

    assert answer.exit_code == 1
    assert "ops: dynamodb:GetItem got no answer" in answer.output
    assert "Next: start what should answer at http://127.0.0.1:9" in answer.output
