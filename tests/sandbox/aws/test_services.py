"""Services that roll out, fail, and come back, watched through the API."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.aws_world import World, eventually

_STEADY = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("up {version}", flush=True)
signal.sigwait([signal.SIGTERM])
"""
_DIES = "print('dying', flush=True); exit(1)"
_BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
_QUICK = {"WaiterConfig": {"Delay": 0, "MaxAttempts": 100_000}}


def _good(world: World, version: str = "v1", **container: Any) -> str:
    return world.definition(world.pushed(_STEADY.format(version=version), version), **container)


def _bad(world: World, version: str = "bad") -> str:
    return world.definition(world.pushed(_DIES, version))


def _update(world: World, **change: Any) -> dict[str, Any]:
    return dict(world.client("ecs").update_service(cluster="main", service="worker", **change)["service"])


def _messages(world: World) -> list[str]:
    return [row["message"].replace("(service worker) ", "") for row in reversed(world.service()["events"])]


def _own_tasks(world: World) -> list[str]:
    return list(world.client("ecs").list_tasks(cluster="main", serviceName="worker")["taskArns"])


def test_the_first_deployment_is_in_progress_until_its_task_is_steady(world: World) -> None:
    world.cluster()
    (created,) = world.serve(_good(world))["deployments"]

    (done,) = world.settled()["deployments"]

    assert created["rolloutState"] == "IN_PROGRESS"
    assert created["rolloutStateReason"] == f"ECS deployment {created['id']} in progress."
    assert done["id"] == created["id"]
    assert done["rolloutStateReason"] == f"ECS deployment {created['id']} completed."
    assert (done["runningCount"], done["pendingCount"], done["failedTasks"]) == (1, 0, 0)


def test_a_services_events_are_said_as_ecs_says_them(world: World) -> None:
    world.cluster()
    world.serve(_good(world))
    identity = world.settled()["deployments"][0]["id"]
    (task,) = _own_tasks(world)
    eventually(lambda: len(_messages(world)) == 3)

    assert _messages(world) == [
        f"has started 1 tasks: (task {task.rsplit('/', 1)[-1]}).",
        f"(deployment {identity}) deployment completed.",
        "has reached a steady state.",
    ]


def test_a_services_task_is_started_by_its_deployment(world: World) -> None:
    world.cluster()
    world.serve(_good(world))
    identity = world.settled()["deployments"][0]["id"]
    (task,) = _own_tasks(world)

    assert world.task(task)["startedBy"] == identity
    assert world.task(task)["group"] == "service:worker"
    by_starter = world.client("ecs").list_tasks(cluster="main", startedBy=identity)["taskArns"]
    assert by_starter == [task]


def test_a_new_revision_replaces_the_old_task_only_when_it_is_steady(world: World) -> None:
    world.cluster()
    first = _good(world)
    world.serve(first)
    world.settled()
    (old,) = _own_tasks(world)

    both = _update(world, taskDefinition=_good(world, "v2"))["deployments"]
    eventually(lambda: len(_own_tasks(world)) == 2)
    assert [(row["status"], row["rolloutState"]) for row in both] == [
        ("PRIMARY", "IN_PROGRESS"),
        ("ACTIVE", "COMPLETED"),
    ]
    world.settled()

    (new,) = _own_tasks(world)
    stopped = world.stopped(old)
    assert world.task(new)["startedBy"] == both[0]["id"]
    assert stopped["stopCode"] == "ServiceSchedulerInitiated"
    assert stopped["stoppedReason"] == f"Scaling activity initiated by (deployment {both[0]['id']})"
    assert stopped["stoppedAt"] >= world.task(new)["startedAt"]


def test_a_release_whose_tasks_die_is_rolled_back(world: World) -> None:
    world.cluster()
    good = _good(world)
    world.serve(good, deploymentConfiguration=_BREAKER)
    before = world.settled()
    (kept,) = _own_tasks(world)

    failing = _update(world, taskDefinition=_bad(world))["deployments"][0]["id"]
    eventually(lambda: any("rolling back" in message for message in _messages(world)))
    after = world.settled()

    assert after["taskDefinition"] == good
    assert [row["id"] for row in after["deployments"]] == [before["deployments"][0]["id"]]
    assert _own_tasks(world) == [kept]
    said = _messages(world)
    assert f"(deployment {failing}) deployment failed: tasks failed to start." in said
    assert f"rolling back to deployment {before['deployments'][0]['id']}." in said
    world.client("ecs").get_waiter("services_stable").wait(cluster="main", services=["worker"], **_QUICK)


def test_while_it_rolls_back_the_failed_deployment_says_why(world: World) -> None:
    world.cluster()
    slow = _STEADY.format(version="v1") + "import time; time.sleep(1)"
    world.serve(world.definition(world.pushed(slow, "v1")), deploymentConfiguration=_BREAKER)
    world.settled()
    seen: list[dict[str, Any]] = []
    _update(world, taskDefinition=_bad(world))

    def failed() -> bool:
        seen[:] = world.service()["deployments"]
        return any(row["rolloutState"] == "FAILED" for row in seen) or len(seen) == 1

    eventually(failed)
    for row in seen:
        if row["rolloutState"] == "FAILED":
            assert row["rolloutStateReason"] == "ECS deployment circuit breaker: tasks failed to start."
            assert row["failedTasks"] == 3


def test_without_rollback_the_failed_deployment_stays_and_starts_nothing(world: World) -> None:
    world.cluster()
    world.serve(_good(world), deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": False}})
    world.settled()
    (kept,) = _own_tasks(world)

    _update(world, taskDefinition=_bad(world))
    eventually(lambda: world.service()["deployments"][0]["rolloutState"] == "FAILED")

    eventually(lambda: world.service()["deployments"][0]["runningCount"] == 0)
    assert _own_tasks(world) == [kept]


def test_a_first_deployment_that_fails_stalls(world: World) -> None:
    world.cluster()
    world.serve(_bad(world), deploymentConfiguration=_BREAKER)

    eventually(lambda: world.service()["deployments"][0]["rolloutState"] == "FAILED")

    assert world.service()["runningCount"] == 0


def test_a_low_threshold_trips_at_the_first_failure(world: World) -> None:
    world.cluster()
    breaker = {"enable": True, "rollback": True, "thresholdConfiguration": {"type": "COUNT", "value": 1}}
    world.serve(_good(world), deploymentConfiguration={"deploymentCircuitBreaker": breaker})
    world.settled()
    bad = _bad(world)

    _update(world, taskDefinition=bad)
    eventually(lambda: any("rolling back" in message for message in _messages(world)))
    world.settled()

    tasks = world.client("ecs").list_tasks(cluster="main", family="worker", desiredStatus="STOPPED")["taskArns"]
    assert [world.task(arn)["taskDefinitionArn"] for arn in tasks].count(bad) == 1


def test_a_newer_deployment_supersedes_the_running_one(world: World) -> None:
    world.cluster()
    world.serve(_good(world))
    world.settled()
    never = {"command": ["CMD", "python", "-c", "exit(1)"], "interval": 60}
    second = _update(world, taskDefinition=_good(world, "v2", healthCheck=never))["deployments"][0]["id"]
    third = _good(world, "v3")

    _update(world, taskDefinition=third)
    after = world.settled()

    assert after["taskDefinition"] == third
    history = world.client("ecs").list_service_deployments(cluster="main", service="worker")["serviceDeployments"]
    assert [row["status"] for row in history] == ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]
    assert second not in [row["id"] for row in after["deployments"]]


def test_an_unhealthy_task_is_replaced(world: World) -> None:
    world.cluster()
    flag = world.folder / "sick"
    check = {"command": ["CMD-SHELL", f"test ! -e {flag}"], "interval": 1, "retries": 1}
    world.serve(_good(world, healthCheck=check))
    world.settled()
    (sick,) = _own_tasks(world)

    flag.touch()
    stopped = world.stopped(sick)
    flag.unlink()
    world.settled()

    assert stopped["stoppedReason"] == "Task failed container health checks"
    assert stopped["stopCode"] == "ServiceSchedulerInitiated"
    assert f"(task {sick.rsplit('/', 1)[-1]}) failed container health checks." in _messages(world)
    assert _own_tasks(world) != [sick]


def test_a_task_that_dies_later_is_replaced_without_failing_anything(world: World) -> None:
    world.cluster()
    world.serve(_good(world), deploymentConfiguration=_BREAKER)
    identity = world.settled()["deployments"][0]["id"]
    (first,) = _own_tasks(world)

    world.client("ecs").stop_task(cluster="main", task=first)
    eventually(lambda: _own_tasks(world) and first not in _own_tasks(world))

    (after,) = world.settled()["deployments"]
    assert (after["id"], after["rolloutState"], after["failedTasks"]) == (identity, "COMPLETED", 0)


def test_a_service_of_no_tasks_completes_and_can_be_scaled(world: World) -> None:
    world.cluster()
    world.serve(_good(world), desiredCount=0)
    identity = world.settled()["deployments"][0]["id"]

    _update(world, desiredCount=2)
    eventually(lambda: world.service()["runningCount"] == 2)
    assert world.service()["deployments"][0]["id"] == identity
    _update(world, desiredCount=0)
    eventually(lambda: world.service()["runningCount"] == 0)

    assert _own_tasks(world) == []


def test_an_update_that_changes_nothing_that_runs_starts_no_deployment(world: World) -> None:
    world.cluster()
    definition = _good(world)
    world.serve(definition)
    identity = world.settled()["deployments"][0]["id"]

    same = _update(world, taskDefinition=definition, deploymentConfiguration=_BREAKER)
    forced = _update(world, forceNewDeployment=True)

    assert same["deployments"][0]["id"] == identity
    assert same["deploymentConfiguration"]["deploymentCircuitBreaker"]["rollback"] is True
    assert forced["deployments"][0]["id"] != identity


@pytest.mark.parametrize("wanted", ["nope:9", "arn:aws:ecs:us-west-2:123456789012:task-definition/nope:9"])
def test_an_unknown_task_definition_is_refused(world: World, wanted: str) -> None:
    world.cluster()
    definition = _good(world)
    world.serve(definition, desiredCount=0)

    with pytest.raises(ClientError, match="TaskDefinition not found"):
        _update(world, taskDefinition=wanted)
    assert world.service()["taskDefinition"] == definition


def test_an_inactive_task_definition_is_refused(world: World) -> None:
    world.cluster()
    world.serve(_good(world), desiredCount=0)
    gone = _good(world, "v2")
    world.client("ecs").deregister_task_definition(taskDefinition=gone)

    with pytest.raises(ClientError, match="inactive"):
        _update(world, taskDefinition=gone)


def test_a_deleted_service_drains_and_is_inactive(world: World) -> None:
    world.cluster()
    world.serve(_good(world))
    world.settled()

    with pytest.raises(ClientError, match="scaled above 0"):
        world.client("ecs").delete_service(cluster="main", service="worker")
    deleted = world.client("ecs").delete_service(cluster="main", service="worker", force=True)["service"]
    world.client("ecs").get_waiter("services_inactive").wait(cluster="main", services=["worker"], **_QUICK)

    assert deleted["status"] == "DRAINING"
    assert _own_tasks(world) == []
    with pytest.raises(ClientError, match="ServiceNotActiveException"):
        _update(world, desiredCount=1)


def test_the_history_names_revisions_digests_and_how_each_deployment_ended(world: World) -> None:
    world.cluster()
    ecs = world.client("ecs")
    world.serve(_good(world), deploymentConfiguration=_BREAKER)
    world.settled()
    _update(world, taskDefinition=_bad(world))
    eventually(lambda: any("rolling back" in message for message in _messages(world)))
    service = world.settled()

    rows = ecs.list_service_deployments(cluster="main", service="worker")["serviceDeployments"]
    arns = [row["serviceDeploymentArn"] for row in rows]
    failed, first = ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"]
    target = first["targetServiceRevision"]["arn"]
    (revision,) = ecs.describe_service_revisions(serviceRevisionArns=[target])["serviceRevisions"]

    assert (failed["status"], first["status"]) == ("ROLLBACK_SUCCESSFUL", "SUCCESSFUL")
    assert failed["rollback"]["serviceRevisionArn"] == target
    assert failed["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
    assert failed["sourceServiceRevisions"][0]["arn"] == target
    assert revision["taskDefinition"] == service["taskDefinition"]
    (image,) = revision["containerImages"]
    assert image["imageDigest"] == image["image"].partition("@")[2]
    assert service["currentServiceRevisions"][0]["arn"] == target
    only_good = ecs.list_service_deployments(cluster="main", service="worker", status=["SUCCESSFUL"])
    assert [row["serviceDeploymentArn"] for row in only_good["serviceDeployments"]] == arns[1:]


def test_a_running_deployment_can_be_rolled_back_by_hand(world: World) -> None:
    world.cluster()
    ecs = world.client("ecs")
    good = _good(world)
    world.serve(good)
    world.settled()
    never = {"command": ["CMD", "python", "-c", "exit(1)"], "interval": 60}
    arn = _update(world, taskDefinition=_good(world, "v2", healthCheck=never))["currentServiceDeployment"]

    ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    after = world.settled()

    assert after["taskDefinition"] == good
    (row,) = ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
    assert row["status"] == "ROLLBACK_SUCCESSFUL"
    with pytest.raises(ClientError, match="ConflictException"):
        ecs.stop_service_deployment(serviceDeploymentArn=arn)


def _alarmed(world: World) -> dict[str, Any]:
    world.client("cloudwatch").put_metric_alarm(
        AlarmName="bad",
        Namespace="App",
        MetricName="Bad",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    return {"alarms": {"alarmNames": ["bad"], "enable": True, "rollback": True}}


def _fires(world: World) -> None:
    world.client("cloudwatch").set_alarm_state(AlarmName="bad", StateValue="ALARM", StateReason="test")


def test_an_alarm_that_fires_during_the_deployment_takes_it_back(world: World) -> None:
    world.cluster()
    good = _good(world)
    world.serve(good, deploymentConfiguration=_alarmed(world))
    world.settled()

    failing = _update(world, taskDefinition=_good(world, "v2"))["deployments"][0]["id"]
    _fires(world)
    eventually(lambda: any("rolling back" in message for message in _messages(world)))
    after = world.settled()

    assert after["taskDefinition"] == good
    assert f"(deployment {failing}) deployment failed: alarm detected." in _messages(world)
    (row, *_) = world.client("ecs").list_service_deployments(cluster="main", service="worker")["serviceDeployments"]
    described = world.client("ecs").describe_service_deployments(serviceDeploymentArns=[row["serviceDeploymentArn"]])
    assert described["serviceDeployments"][0]["alarms"]["triggeredAlarmNames"] == ["bad"]


def test_an_alarm_that_fired_before_the_deployment_is_ignored(world: World) -> None:
    world.cluster()
    world.serve(_good(world), deploymentConfiguration=_alarmed(world))
    world.settled()
    _fires(world)
    second = _good(world, "v2")

    _update(world, taskDefinition=second)

    assert world.settled()["taskDefinition"] == second
