"""What is fed while a release is judged at the canary: one recommendation for each verdict, in a symbol of its own.

Each fits the small account, which is the canary; the large account considers them as well.
"""

from sandbox.feed import End, Expected, Fed, Scene
from sandbox.recommendations import TINY, plan, stands

FIRST = Scene(
    "the first release",
    (
        Fed(
            "first-release",
            "an execution on paper, without which the first release is not proven",
            stands("352.20", "370.00", "343.00", 1),
            "ADBE",
            reason=plan(352.20, 343.00, 370.00, 1),
        ),
    ),
)

BROKEN = Scene(
    "the broken release",
    (
        Fed(
            "sub-penny",
            "a target of 174.9462 becomes 174.95: here the release before still runs",
            stands("171.35", "174.95", "169.64", 1),
            "QCOM",
            reason=plan(171.35, 169.6362, 174.9462, 1),
            otherwise={TINY: Expected(End.REJECTED, reason="HTTP 422, code 42210000")},
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
