"""How a rollout ended, from what ECS shows."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ops.core.ruling import Verdict
from ops.core.seen import Past, Rolling, Rollout, Service, ServiceEvent, Task
from ops.core.settle import (
    RolledBack,
    Started,
    Succeeded,
    Superseded,
    Unknown,
    Waiting,
    deaths,
    settle,
    what_runs,
)

OURS = Started(service="web", deployment="ecs-svc/2", revision="web:2", before="web:1")
NEW = Rolling(id="ecs-svc/2", revision="web:2", primary=True, rollout=Rollout.COMPLETED, running=1)
OLD = Rolling(id="ecs-svc/1", revision="web:1", primary=True, rollout=Rollout.COMPLETED, running=1)
BACK = Rolling(id="ecs-svc/3", revision="web:1", primary=True, rollout=Rollout.IN_PROGRESS, running=1)


def service(*rollings: Rolling, running: int = 1, events: Sequence[str] = (), desired: int = 1) -> Service:
    return Service(
        name="web",
        active=True,
        revision=rollings[0].revision if rollings else "",
        desired=desired,
        running=running,
        rollings=rollings,
        events=tuple(ServiceEvent(at=None, text=text) for text in events),
    )


def test_it_succeeded_when_it_is_the_services_and_complete_with_all_its_tasks() -> None:
    assert settle(OURS, service(NEW)) == Succeeded("ecs-svc/2")


@pytest.mark.parametrize(
    "seen",
    [
        service(replace(NEW, rollout=Rollout.IN_PROGRESS)),
        service(replace(NEW, running=0)),
        service(replace(NEW, rollout=Rollout.UNKNOWN)),
        replace(service(NEW), pending=1),
    ],
)
def test_it_is_waited_for_until_then_and_unknown_when_its_time_is_over(seen: Service) -> None:
    assert isinstance(settle(OURS, seen), Waiting)
    assert isinstance(settle(OURS, seen, overdue=True), Unknown)


def test_a_stable_service_that_runs_the_old_release_again_is_no_success() -> None:
    seen = service(OLD, events=["(service web) (deployment ecs-svc/2) deployment failed: tasks failed to start."])

    end = settle(OURS, seen)

    assert isinstance(end, RolledBack)
    assert (end.by, end.to) == ("the circuit breaker", "web:1")


def test_a_failed_deployment_is_rolled_back_by_what_its_reason_says() -> None:
    failed = replace(NEW, primary=False, rollout=Rollout.FAILED, reason="ECS deployment circuit breaker: tasks failed.")

    assert settle(OURS, service(BACK, failed)) == RolledBack("the circuit breaker", failed.reason, "web:1")


def test_a_failed_deployment_with_nothing_to_go_back_to_goes_nowhere() -> None:
    failed = replace(NEW, rollout=Rollout.FAILED, reason="tasks failed to start")

    end = settle(OURS, service(failed))

    assert isinstance(end, RolledBack)
    assert end.to is None


@pytest.mark.parametrize(
    ("past", "by"),
    [
        (Past(id="a", status="ROLLBACK_SUCCESSFUL", revision="web:2", alarms=("sub-penny",)), "an alarm (sub-penny)"),
        (Past(id="a", status="ROLLBACK_IN_PROGRESS", revision="web:2", failures=3), "the circuit breaker"),
        (Past(id="a", status="ROLLBACK_FAILED", revision="web:2", reason="requested"), "a person, or another program"),
    ],
)
def test_ecs_own_history_says_by_whom(past: Past, by: str) -> None:
    end = settle(OURS, service(OLD), [past])

    assert isinstance(end, RolledBack)
    assert end.by == by


def test_another_deployment_in_its_place_is_superseding_also_when_it_runs_the_old_revision() -> None:
    stopped = Past(id="a", status="STOPPED", revision="web:2")

    assert settle(OURS, service(BACK, replace(NEW, primary=False)), [stopped]) == Superseded("ecs-svc/3", "web:1")


def test_a_service_that_is_gone_or_shows_nothing_is_unknown() -> None:
    assert isinstance(settle(OURS, None), Unknown)
    assert isinstance(settle(OURS, replace(service(NEW), active=False)), Unknown)
    assert isinstance(settle(OURS, service()), Unknown)


def task(**fields: str | int | None) -> Task:
    return replace(Task(id="t", revision="web:2", group="service:web", status="RUNNING"), **fields)  # type: ignore[arg-type] # by name


@pytest.mark.parametrize(
    ("tasks", "verdict"),
    [
        ([task(digest="sha256:new")], Verdict.PASS),
        ([task(digest="sha256:new"), task(digest="sha256:old")], Verdict.FAIL),
        ([task(digest="sha256:new"), task(digest=None)], Verdict.INCONCLUSIVE),
        ([], Verdict.INCONCLUSIVE),
        ([task(digest="sha256:new", status="STOPPED")], Verdict.INCONCLUSIVE),
    ],
)
def test_only_tasks_that_say_so_prove_what_runs(tasks: list[Task], verdict: Verdict) -> None:
    assert what_runs(tasks, "sha256:new")[0] is verdict


def test_a_task_that_was_told_to_stop_did_not_die() -> None:
    told = [
        task(status="STOPPED", stop_code="ServiceSchedulerInitiated"),
        task(status="STOPPED", stop_code="SpotInterruption"),
        task(status="STOPPED", stop_code="EssentialContainerExited", exit_code=3),
    ]

    assert len(deaths(told)) == 1
