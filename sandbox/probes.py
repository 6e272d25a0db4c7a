"""What is fed while a release is judged: one recommendation for each verdict, each in a symbol of its own."""

from sandbox.feed import End, Expected, Fed, Scene
from sandbox.recommendations import OFF_TICK, plan, stands

FIRST = Scene(
    "the first release",
    (
        Fed(
            "first-release",
            "an execution on paper, without which the first release is not proven",
            stands("925.20", "970.00", "900.00", 1),
            "COST",
            reason=plan(925.20, 900.00, 970.00, 1),
        ),
    ),
)

BROKEN = Scene(
    "the broken release",
    (
        Fed(
            "sub-penny",
            "the price that broke production, sent as it came: the exchange answers 422",
            Expected(End.REJECTED, reason="HTTP 422, code 42210000"),
            "META",
            reason={**OFF_TICK, "plan": {**OFF_TICK["plan"], "quantity": 1}},
        ),
    ),
)

RESTORED = Scene(
    "the first release again",
    (
        Fed(
            "restored-release",
            "an execution on paper by the release that was put back; its target is off the tick as well",
            stands("240.15", "250.13", "235.01", 1),
            "CRM",
            reason=plan(240.15, 235.0062, 250.1262, 1),
        ),
    ),
)
