"""Which release a rollback goes to, as a table: histories newest last, and what may be gone back to."""

from datetime import UTC, datetime, timedelta

import pytest

from ops.core.records import Kind, Outcome, Record, proof
from ops.core.release import Part, Release
from ops.core.ruling import Verdict
from ops.core.seen import Who
from ops.core.target import Chosen, NoTarget, Nothing, choose, last_good

BEGAN = datetime(2026, 11, 23, tzinfo=UTC)
WHO = Who(arn="trader", host="desk")
PASS, FAIL, MAYBE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


def release(name: str) -> Release:
    part = Part(revision=f"family:{name}", digest=f"sha256:{name}")
    return Release(tag=name, digest=f"sha256:{name}", git=f"{name}-commit", parts={"service": part})


def history(*told: str) -> tuple[Record, ...]:
    """Records newest first, from words such as `deploy a PASS proven` or `rollback b>a PASS proven`, oldest first."""
    records = [_record(number, *each.split(" ", 3)) for number, each in enumerate(told)]
    return tuple(reversed(records))


def _record(number: int, kind: str, names: str, verdict: str, outcome: str) -> Record:
    before, _, to = names.rpartition(">")
    return Record(
        id=f"2026112{number}T000000Z-{number}",
        kind=Kind(kind),
        who=WHO,
        started=BEGAN + timedelta(days=number),
        before=release(before) if before else None,
        to=release(to),
        verdict=Verdict(verdict) if verdict != "-" else None,
        outcome=Outcome(outcome),
    )


A, B, C = "deploy a PASS proven", "deploy b PASS proven", "deploy c PASS proven"

CASES = {
    "the one before, when all are proven": ((A, B, C), "c", "b"),
    "never a number: the one that failed in between is passed over": ((A, "deploy b FAIL taken back", C), "c", "a"),
    "an inconclusive one is not verified": ((A, "deploy b INCONCLUSIVE kept", C), "c", "a"),
    "what was gone back from is not gone forward to": ((A, B, "rollback b>a PASS proven"), "a", None),
    "two steps back": ((A, B, C, "rollback c>b PASS proven"), "b", "a"),
    "proven again, it counts again": ((A, B, "rollback b>a PASS proven", "deploy b PASS proven"), "b", "a"),
    "a rollback that was interrupted is gone on with": ((A, B, "rollback b>a - interrupted"), "a", "a"),
    "also when it had not begun to move": ((A, B, "rollback b>a - interrupted"), "b", "a"),
    "a verdict given before the process was killed counts": ((A, "deploy b PASS interrupted", C), "c", "b"),
    "after a taking back, what runs is the proven one and there is none before": (
        (A, "deploy a>b FAIL taken back"),
        "a",
        None,
    ),
    "a deployment stopped before it touched anything changes nothing": ((A, B, "deploy b>c - stopped"), "b", "a"),
    "when what runs is known to no record, the last proven one": ((A, B), "x", "b"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_rollback_goes_to(name: str) -> None:
    told, runs, expected = CASES[name]

    chosen = choose(history(*told), {"service": f"family:{runs}"})

    assert (chosen.release.tag if isinstance(chosen, Chosen) else None) == expected


def test_when_nothing_was_ever_proven_nothing_is_to_run() -> None:
    unproven = history("deploy a INCONCLUSIVE kept")

    assert isinstance(choose(unproven, {"service": "family:a"}), Nothing)


def test_when_nothing_runs_and_nothing_was_proven_there_is_nothing_to_do() -> None:
    assert isinstance(choose((), {}), NoTarget)


@pytest.mark.parametrize("name", ["a", "a-comm", "sha256:a", "20261120T"])
def test_a_person_may_name_it_by_tag_commit_digest_or_deployment(name: str) -> None:
    chosen = choose(history(A, B, C), {"service": "family:c"}, name)

    assert isinstance(chosen, Chosen)
    assert chosen.release.tag == "a"


@pytest.mark.parametrize(
    ("name", "why"),
    [("z", "no recorded release"), ("b", "a release that failed is not gone back to"), ("c", "is what runs now")],
)
def test_what_cannot_be_gone_back_to_is_refused_in_words(name: str, why: str) -> None:
    refused = choose(history(A, "deploy b FAIL taken back", C), {"service": "family:c"}, name)

    assert isinstance(refused, NoTarget)
    assert why in refused.why


def test_a_failed_release_is_taken_back_to_the_last_verified_one() -> None:
    chosen = last_good(history(A, "deploy b INCONCLUSIVE kept"), {"service": "family:c"})

    assert isinstance(chosen, Chosen)
    assert chosen.release.tag == "a"


def test_or_to_the_one_before_that_did_not_fail_when_none_is_verified() -> None:
    chosen = last_good(history("deploy a INCONCLUSIVE kept"), {"service": "family:b"})

    assert isinstance(chosen, Chosen)
    assert chosen.release.tag == "a"


def test_or_to_nothing() -> None:
    assert isinstance(last_good(history("deploy a FAIL taken back"), {"service": "family:b"}), Nothing)


def test_a_later_failure_undoes_an_earlier_proof() -> None:
    assert proof(history(A, "deploy a FAIL taken back"), {"service": "family:a"}) is None
