"""The scheduler's rules, as values in and values out."""

import pytest

from sandbox.aws.rollout import (
    Alarms,
    Breaker,
    Cause,
    Complete,
    Deployment,
    Fail,
    Rollout,
    Service,
    Start,
    Stop,
    Task,
    decide,
    is_steady,
    pause,
    threshold,
)

_NEW, _OLD = "ecs-svc/2", "ecs-svc/1"
_ROLLING = (
    Deployment(_NEW, Rollout.IN_PROGRESS, primary=True),
    Deployment(_OLD, Rollout.COMPLETED, primary=False),
)
_BREAKER = Breaker(enabled=True, rollback=True, threshold=3)


def _tasks(
    deployment: str, count: int, *, healthy: bool = True, stopping: bool = False, first: int = 0
) -> tuple[Task, ...]:
    number = deployment[-1]
    return tuple(
        Task(f"{number}{first + index}", deployment, first + index, healthy=healthy, stopping=stopping)
        for index in range(count)
    )


def _service(
    *tasks: Task,
    desired: int = 1,
    percents: tuple[int, int] = (100, 200),
    deployments: tuple[Deployment, ...] = _ROLLING,
    breaker: Breaker = _BREAKER,
    alarms: Alarms | None = None,
    hold: bool = False,
) -> Service:
    return Service(desired, *percents, deployments, tasks, breaker, alarms or Alarms(), hold=hold)


def test_a_new_task_starts_beside_the_old_one() -> None:
    assert decide(_service(*_tasks(_OLD, 1))) == (Start(_NEW, 1),)


def test_the_old_task_stays_until_the_new_one_is_healthy() -> None:
    assert decide(_service(*_tasks(_OLD, 1), *_tasks(_NEW, 1, healthy=False))) == ()
    assert decide(_service(*_tasks(_OLD, 1), *_tasks(_NEW, 1))) == (Stop(("10",)),)


def test_without_overlap_the_old_task_ends_before_the_new_one_starts() -> None:
    percents = (0, 100)

    assert decide(_service(*_tasks(_OLD, 1), percents=percents)) == (Stop(("10",)),)
    assert decide(_service(*_tasks(_OLD, 1, stopping=True), percents=percents)) == ()
    assert decide(_service(percents=percents)) == (Start(_NEW, 1),)


def test_four_tasks_are_replaced_no_faster_than_the_percents_allow() -> None:
    percents = (50, 100)

    assert decide(_service(*_tasks(_OLD, 4), desired=4, percents=percents)) == (Stop(("10", "11")),)
    two_gone = _service(*_tasks(_OLD, 2, first=2), desired=4, percents=percents)
    assert decide(two_gone) == (Start(_NEW, 2),)
    two_new = _service(*_tasks(_OLD, 2, first=2), *_tasks(_NEW, 2), desired=4, percents=percents)
    assert decide(two_new) == (Stop(("12", "13")),)


def test_old_tasks_leave_one_by_one_as_new_ones_become_healthy() -> None:
    some = (*_tasks(_NEW, 2), *_tasks(_NEW, 1, healthy=False, first=2))

    assert decide(_service(*_tasks(_OLD, 3), *some, desired=3)) == (Stop(("10", "11")),)


def test_a_superseded_task_that_never_became_healthy_goes_at_once() -> None:
    middle = Deployment("ecs-svc/5", Rollout.IN_PROGRESS, primary=False)
    pending = Task("50", "ecs-svc/5", 1)
    service = _service(*_tasks(_OLD, 1), pending, deployments=(*_ROLLING, middle))

    assert decide(service) == (Stop(("50",)),)


def test_too_many_tasks_lose_the_newest() -> None:
    steady = (Deployment(_OLD, Rollout.COMPLETED, primary=True),)

    assert decide(_service(*_tasks(_OLD, 3), desired=1, deployments=steady)) == (Stop(("12", "11")),)
    assert decide(_service(*_tasks(_OLD, 2), desired=0, deployments=steady)) == (Stop(("11", "10")),)


def test_a_deployment_completes_once_it_is_steady() -> None:
    steady = (Deployment(_NEW, Rollout.IN_PROGRESS, primary=True, steady_for=0.0), _ROLLING[1])

    assert decide(_service(*_tasks(_NEW, 1), deployments=steady)) == (Complete(_NEW),)


def test_alarms_are_watched_for_the_bake_time_too() -> None:
    def after(seconds: float, *, fired: bool) -> object:
        steady = (Deployment(_NEW, Rollout.IN_PROGRESS, primary=True, steady_for=seconds), _ROLLING[1])
        alarms = Alarms(enabled=True, rollback=True, fired=fired, bake=5)
        return decide(_service(*_tasks(_NEW, 1), deployments=steady, alarms=alarms))

    assert after(4, fired=False) == ()
    assert after(5, fired=False) == (Complete(_NEW),)
    assert after(4, fired=True) == (Fail(_NEW, Cause.ALARM, _OLD),)


def test_three_failures_in_a_row_trip_the_breaker_of_one_task() -> None:
    def failed(count: int, breaker: Breaker) -> object:
        rows = (Deployment(_NEW, Rollout.IN_PROGRESS, primary=True, failed=count), _ROLLING[1])
        return decide(_service(*_tasks(_OLD, 1), deployments=rows, breaker=breaker))

    assert failed(2, _BREAKER) == (Start(_NEW, 1),)
    assert failed(3, _BREAKER) == (Fail(_NEW, Cause.TASKS, _OLD),)
    assert failed(3, Breaker(enabled=True, rollback=False)) == (Fail(_NEW, Cause.TASKS, None),)
    assert failed(99, Breaker(enabled=False)) == (Start(_NEW, 1),)


def test_the_first_deployment_has_nothing_to_go_back_to() -> None:
    first = (Deployment(_NEW, Rollout.IN_PROGRESS, primary=True, failed=3),)

    assert decide(_service(deployments=first)) == (Fail(_NEW, Cause.TASKS, None),)


def test_a_failed_deployment_starts_nothing() -> None:
    failed = (Deployment(_NEW, Rollout.FAILED, primary=True, failed=3), _ROLLING[1])

    assert decide(_service(*_tasks(_OLD, 1), deployments=failed)) == ()


def test_an_unhealthy_task_is_replaced_and_counted() -> None:
    sick = Task("20", _NEW, 1, unhealthy=True)
    steady = (Deployment(_NEW, Rollout.COMPLETED, primary=True),)

    assert decide(_service(sick, deployments=steady)) == (Stop(("20",), unhealthy=True), Start(_NEW, 1))


def test_a_start_waits_while_the_scheduler_holds_back() -> None:
    assert decide(_service(*_tasks(_OLD, 1), hold=True)) == ()


@pytest.mark.parametrize(
    ("configuration", "desired", "wanted"),
    [
        ({}, 1, 3),
        ({}, 10, 5),
        ({}, 1000, 200),
        ({"type": "COUNT", "value": 1}, 10, 1),
        ({"type": "BOUNDED_PERCENT", "value": 10}, 10, 3),
        ({"type": "UNBOUNDED_PERCENT", "value": 10}, 10, 1),
        ({"type": "UNBOUNDED_PERCENT", "value": 50}, 1000, 500),
    ],
)
def test_the_breakers_threshold(configuration: dict[str, object], desired: int, wanted: int) -> None:
    assert threshold(desired, {"thresholdConfiguration": configuration}) == wanted


def test_steady_means_the_desired_tasks_and_no_other() -> None:
    assert is_steady(_service(*_tasks(_NEW, 1)))
    assert not is_steady(_service(*_tasks(_NEW, 1), *_tasks(_OLD, 1, stopping=True)))
    assert not is_steady(_service(*_tasks(_NEW, 1, healthy=False)))
    assert is_steady(_service(desired=0))


def test_restarts_slow_down_to_a_limit() -> None:
    assert [pause(count, 0.5, 3) for count in range(5)] == [0, 0.5, 1, 2, 3]
