"""Tasks that really run, and how they end."""

import json
import time
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.aws_world import World, eventually

_ENVIRONMENT = "import json, os, sys; print(json.dumps([dict(os.environ), os.getcwd(), sys.path, sys.prefix]))"


def _waits(*, obeys: bool = True) -> str:
    ignore = "" if obeys else "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    return f"""
import os, signal, sys, time
{ignore}
print("up", os.getpid())
if {obeys}:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    signal.sigwait([signal.SIGTERM])
    print("bye")
    sys.exit(0)
time.sleep(600)
"""


def _running(world: World, task: str) -> int:
    """The process id the task's program printed."""
    eventually(lambda: world.task(task)["lastStatus"] == "RUNNING" and world.lines(task))
    return int(world.lines(task)[0].split()[1])


def _gone(process: int) -> bool:
    """Whether nothing runs under that number; who has ended may still wait to be reaped by somebody else."""
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_task_runs_the_images_program_and_its_lines_reach_the_stream(world: World) -> None:
    world.cluster()
    task = world.run(world.definition(world.pushed("import sys; print('hello'); print('there', file=sys.stderr)")))

    stopped = world.stopped(task)

    assert world.lines(task) == ["hello", "there"]
    assert stopped["stopCode"] == "EssentialContainerExited"
    assert stopped["stoppedReason"] == "Essential container in task exited"
    assert stopped["containers"][0]["exitCode"] == 0


def test_a_line_is_in_the_logs_within_a_second_of_being_written(world: World) -> None:
    world.cluster()
    program = "import time\nwhile True: print(time.time()); time.sleep(0.2)"
    task = world.run(world.definition(world.pushed(program, environment={"PYTHONPATH": "/app/lib"})))
    # Without PYTHONUNBUFFERED the program keeps its lines, exactly as it would in a container.
    eventually(lambda: world.task(task)["lastStatus"] == "RUNNING")
    assert world.lines(task) == []
    other = world.run(world.definition(world.pushed(program, "v2")))

    eventually(lambda: world.task(other)["lastStatus"] == "RUNNING" and len(world.lines(other)) > 2)

    assert time.time() - float(world.lines(other)[-1]) < 1


@pytest.mark.parametrize(("ends", "code"), [("sys.exit(3)", 3), ("os.kill(os.getpid(), 9)", 137), ("nonsense", 1)])
def test_the_exit_code_is_the_programs_own(world: World, ends: str, code: int) -> None:
    world.cluster()
    task = world.run(world.definition(world.pushed(f"import os, sys\n{ends}")))

    assert world.stopped(task)["containers"][0]["exitCode"] == code


def test_what_a_task_writes_on_a_volume_of_its_own_is_not_there_for_the_next(world: World) -> None:
    world.cluster()
    program = "import os, pathlib; mark = pathlib.Path(os.environ['MARK']); print(mark.exists()); mark.touch()"
    definition = world.definition(
        world.pushed(program),
        volumes=("own",),
        mountPoints=[{"sourceVolume": "own", "containerPath": "/tmp"}],  # noqa: S108  the container's
        environment=[{"name": "MARK", "value": "/tmp/mark"}],  # noqa: S108  the container's
    )
    tasks = [world.run(definition) for _ in range(2)]

    codes = [world.stopped(task)["containers"][0]["exitCode"] for task in tasks]

    assert [world.lines(task) for task in tasks] == [["False"], ["False"]]
    assert codes == [0, 0]


def test_a_task_sees_its_image_and_nothing_of_our_python(world: World) -> None:
    world.cluster()
    image = world.pushed(_ENVIRONMENT, environment={"PYTHONPATH": "/app/lib", "FROM": "image"})
    row = [{"name": "FROM", "value": "definition"}]
    task = world.run(world.definition(image, environment=row))
    world.stopped(task)

    environment, folder, path, prefix = json.loads(world.lines(task)[-1])

    assert environment["FROM"] == "definition"
    assert folder.endswith("/app")
    assert not any("site-packages" in step and "/app/lib" not in step for step in path if Path(step).exists())
    assert task.rsplit("/", 1)[-1] in prefix
    assert task.rsplit("/", 1)[-1] in environment["HOME"]
    assert environment["TMPDIR"] != environment["HOME"]
    assert "HOSTNAME" in environment
    assert "PYTEST_CURRENT_TEST" not in environment


def test_a_task_is_given_the_way_back_to_this_endpoint_and_no_other(world: World) -> None:
    world.cluster()
    task = world.run(world.definition(world.pushed(_ENVIRONMENT)))
    world.stopped(task)

    environment = json.loads(world.lines(task)[-1])[0]

    assert environment["AWS_ENDPOINT_URL"] == world.aws.url
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"
    assert environment["ECS_CONTAINER_METADATA_URI_V4"].startswith(world.aws.url)


def test_a_task_can_ask_who_it_is(world: World) -> None:
    world.cluster()
    program = """
import json, os, urllib.request
with urllib.request.urlopen(os.environ["ECS_CONTAINER_METADATA_URI_V4"] + "/task") as answer:
    print(json.load(answer)["TaskARN"])
"""
    task = world.run(world.definition(world.pushed(program)))
    world.stopped(task)

    assert world.lines(task) == [task]


def test_overrides_change_the_command_and_the_variables(world: World) -> None:
    world.cluster()
    program = "import os, sys; print(sys.argv[1:], os.environ['WHO'])"
    definition = world.definition(world.pushed(program, command=("one",)), environment=[{"name": "WHO", "value": "a"}])
    changed = {"name": "main", "command": ["two", "three"], "environment": [{"name": "WHO", "value": "b"}]}

    plain = world.run(definition)
    other = world.run(definition, overrides={"containerOverrides": [changed]})
    for task in (plain, other):
        world.stopped(task)

    assert world.lines(plain) == ["['one'] a"]
    assert world.lines(other) == ["['two', 'three'] b"]


def test_secrets_are_injected_whole_by_key_and_from_parameters(world: World) -> None:
    world.cluster()
    secret = world.client("secretsmanager").create_secret(Name="broker", SecretString='{"api_key": "K", "n": 1}')["ARN"]
    world.client("ssm").put_parameter(Name="/app/word", Value="swordfish", Type="SecureString")
    parameter = f"arn:aws:ssm:us-west-2:{secret.split(':')[4]}:parameter/app/word"
    rows = [("ALL", secret), ("KEY", f"{secret}:api_key::"), ("ONE", f"{secret}:n::"), ("WORD", parameter)]
    program = "import os; print(*(os.environ[each] for each in ('ALL', 'KEY', 'ONE', 'WORD', 'NAME')))"
    wanted = [{"name": name, "valueFrom": reference} for name, reference in [*rows, ("NAME", "/app/word")]]
    task = world.run(world.definition(world.pushed(program), secrets=wanted))

    world.stopped(task)

    assert world.lines(task) == ['{"api_key": "K", "n": 1} K 1 swordfish swordfish']


def _broker(world: World, *, value: str | None) -> str:
    given = {} if value is None else {"SecretString": value}
    return str(world.client("secretsmanager").create_secret(Name="broker", **given)["ARN"])


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("{secret}-gone", "Secrets Manager can't find the specified secret."),
        ("{empty}", "can't find the specified secret value for staging label: AWSCURRENT"),
        ("{secret}:api_secret::", "did not contain json key api_secret"),
        ("/app/nowhere", "invalid parameters: /app/nowhere"),
    ],
)
def test_a_secret_that_cannot_be_had_keeps_the_task_from_starting(world: World, reference: str, words: str) -> None:
    world.cluster()
    secret = _broker(world, value='{"api_key": "K"}')
    empty = world.client("secretsmanager").create_secret(Name="empty")["ARN"]
    row = {"name": "S", "valueFrom": reference.format(secret=secret, empty=empty)}
    task = world.run(world.definition(world.pushed("print('never')"), secrets=[row]))

    stopped = world.stopped(task)

    assert stopped["stopCode"] == "TaskFailedToStart"
    assert stopped["stoppedReason"].startswith("ResourceInitializationError: unable to pull secrets or registry auth")
    assert words in stopped["stoppedReason"]
    assert "exitCode" not in stopped["containers"][0]


def test_a_missing_log_group_keeps_the_task_from_starting(world: World) -> None:
    world.cluster(group="/other")
    task = world.run(world.definition(world.pushed("print('never')")))

    stopped = world.stopped(task)

    assert stopped["stopCode"] == "TaskFailedToStart"
    assert "failed to validate logger args" in stopped["stoppedReason"]
    assert "The specified log group does not exist" in stopped["stoppedReason"]


@pytest.mark.parametrize("version", ["@sha256:" + "0" * 64, ":v9"])
def test_a_missing_image_keeps_the_task_from_starting(world: World, version: str) -> None:
    world.cluster()
    image = world.pushed("print('never')")
    task = world.run(world.definition(image.partition("@")[0] + version))

    stopped = world.stopped(task)

    assert stopped["stopCode"] == "TaskFailedToStart"
    assert stopped["stoppedReason"].startswith("CannotPullContainerError: ")
    assert stopped["stoppedReason"].endswith("not found")
    assert stopped["containers"][0]["reason"] == stopped["stoppedReason"]


def test_an_image_of_another_registry_cannot_be_pulled(world: World) -> None:
    world.cluster()
    task = world.run(world.definition("registry.example/app:v1"))

    assert "knows no registry but 127.0.0.1" in world.stopped(task)["stoppedReason"]


def test_a_program_that_is_not_there_cannot_be_started(world: World) -> None:
    world.cluster()
    task = world.run(world.definition(world.pushed("print('never')", entrypoint=("nonesuch",))))

    stopped = world.stopped(task)

    assert stopped["stopCode"] == "TaskFailedToStart"
    assert "executable file not found in $PATH" in stopped["stoppedReason"]


def test_a_stopped_task_is_asked_first_and_says_its_last_words(world: World) -> None:
    world.cluster()
    task = world.run(world.definition(world.pushed(_waits())))
    _running(world, task)

    answer = world.client("ecs").stop_task(cluster="main", task=task, reason="enough")["task"]
    stopped = world.stopped(task)

    assert answer["desiredStatus"] == "STOPPED"
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "enough")
    assert stopped["containers"][0]["exitCode"] == 0
    assert world.lines(task)[-1] == "bye"


def test_a_task_that_does_not_obey_is_killed_after_its_stop_timeout(world: World) -> None:
    world.cluster()
    task = world.run(world.definition(world.pushed(_waits(obeys=False)), stopTimeout=1))
    process = _running(world, task)

    asked = time.monotonic()
    world.client("ecs").stop_task(cluster="main", task=task)
    stopped = world.stopped(task)

    assert stopped["containers"][0]["exitCode"] == 137
    assert time.monotonic() - asked >= 1
    assert _gone(process)


def test_what_a_task_started_ends_with_it(world: World) -> None:
    world.cluster()
    program = "import subprocess\nprint('up', subprocess.Popen(['sleep', '600']).pid)"
    task = world.run(world.definition(world.pushed(program)))
    world.stopped(task)
    child = int(world.lines(task)[0].split()[1])

    eventually(lambda: _gone(child))


def _two(world: World, other: str, *, essential: bool) -> str:
    """A task of a container that stays and one that runs this text of Python."""
    image = world.pushed(_waits())
    stays = {"name": "stays", "image": image, "essential": True, "stopTimeout": 5}
    second = {"name": "other", "image": image, "essential": essential, "entryPoint": ["python", "-c", other]}
    definition = world.client("ecs").register_task_definition(family="two", containerDefinitions=[stays, second])
    return world.run(definition["taskDefinition"]["taskDefinitionArn"])


def test_the_end_of_any_essential_container_ends_the_task(world: World) -> None:
    world.cluster()
    task = _two(world, "exit(7)", essential=True)

    stopped = world.stopped(task)

    assert {each["name"]: each["exitCode"] for each in stopped["containers"]}["other"] == 7
    assert stopped["stopCode"] == "EssentialContainerExited"


def test_the_end_of_a_container_that_is_not_essential_ends_nothing(world: World) -> None:
    world.cluster()
    task = _two(world, "exit(7)", essential=False)

    eventually(lambda: world.task(task)["containers"][1].get("exitCode") == 7)

    assert world.task(task)["lastStatus"] == "RUNNING"


def test_a_health_check_is_run_and_believed(world: World) -> None:
    world.cluster()
    program = "import pathlib, time\npathlib.Path('/dev/null').touch()\ntime.sleep(600)"
    image = world.pushed(program)

    def checked(command: list[str]) -> str:
        check = {"command": command, "interval": 1, "retries": 1, "timeout": 2}
        return world.run(world.definition(image, healthCheck=check))

    good, bad = (
        checked(["CMD-SHELL", "python -c 'import worker' & exit 0"]),
        checked(["CMD", "python", "-c", "exit(1)"]),
    )

    eventually(lambda: world.task(good)["healthStatus"] == "HEALTHY")
    eventually(lambda: world.task(bad)["healthStatus"] == "UNHEALTHY")
    assert world.task(bad)["lastStatus"] == "RUNNING"  # only a service replaces an unhealthy task
    assert world.task(good)["containers"][0]["healthStatus"] == "HEALTHY"


def test_tasks_are_told_apart_by_family_starter_and_desired_status(world: World) -> None:
    world.cluster()
    image = world.pushed(_waits())
    mine = world.run(world.definition(image, "mine"), startedBy="someone")
    done = world.run(world.definition(image, "done", entryPoint=["python", "-c", "pass"]))
    world.stopped(done)

    def listed(**wanted: str) -> list[str]:
        return list(world.client("ecs").list_tasks(cluster="main", **wanted)["taskArns"])

    assert listed() == listed(family="mine") == listed(startedBy="someone") == [mine]
    assert listed(family="done") == listed(startedBy="other") == []
    assert listed(desiredStatus="STOPPED") == [done]


def test_a_task_reports_the_digest_of_its_image_and_its_moments(world: World) -> None:
    world.cluster()
    image = world.pushed("pass")
    named_by_tag = world.run(world.definition(image.partition("@")[0] + ":v1"))

    stopped = world.stopped(named_by_tag)

    assert stopped["containers"][0]["imageDigest"] == image.partition("@")[2]
    moments = [stopped[name] for name in ("createdAt", "pullStartedAt", "pullStoppedAt", "startedAt", "stoppedAt")]
    assert moments == sorted(moments)
    assert stopped["group"] == "family:worker"


def test_the_waiter_for_stopped_tasks_returns(world: World) -> None:
    world.cluster()
    task = world.run(world.definition(world.pushed("pass")))

    world.client("ecs").get_waiter("tasks_stopped").wait(
        cluster="main", tasks=[task], WaiterConfig={"Delay": 0, "MaxAttempts": 10_000}
    )


def test_a_family_means_its_latest_active_revision(world: World) -> None:
    world.cluster()
    image = world.pushed("pass")
    first, second = world.definition(image), world.definition(image)
    world.client("ecs").deregister_task_definition(taskDefinition=second)

    assert world.task(world.run("worker"))["taskDefinitionArn"] == first
    with pytest.raises(ClientError, match="TaskDefinition is inactive"):
        world.run(second)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"cluster": "nowhere", "taskDefinition": "worker"}, "ClusterNotFoundException"),
        ({"cluster": "main", "taskDefinition": "nonesuch"}, "TaskDefinition not found"),
        ({"cluster": "main", "taskDefinition": "worker", "count": 11}, "between 1 and 10"),
    ],
)
def test_what_cannot_run_is_refused(world: World, asked: dict[str, object], words: str) -> None:
    world.cluster()
    world.definition(world.pushed("pass"))

    with pytest.raises(ClientError, match=words):
        world.client("ecs").run_task(**asked)


def test_a_reset_ends_every_task(world: World) -> None:
    world.cluster()
    process = _running(world, world.run(world.definition(world.pushed(_waits()))))

    world.aws.reset()

    assert _gone(process)
    assert world.client("ecs").list_clusters()["clusterArns"] == []


def test_a_reset_does_not_wait_for_a_task_that_will_not_end(world: World) -> None:
    world.cluster()
    process = _running(world, world.run(world.definition(world.pushed(_waits(obeys=False)), stopTimeout=120)))

    begun = time.monotonic()
    world.aws.reset()

    assert time.monotonic() - begun < 10
    assert _gone(process)
