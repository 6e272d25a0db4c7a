from contract import names
from contract.names import Key, Names, StackRole

SANDBOX = Names("sandbox")


def test_a_service_runs_one_family_and_its_template_is_another() -> None:
    assert SANDBOX.family("dispatcher-large") == "ops-pipeline-sandbox-dispatcher-large"
    assert SANDBOX.template_family("dispatcher-large") == "ops-pipeline-sandbox-dispatcher-large-template"


def test_a_log_stream_tells_the_task_that_wrote_it() -> None:
    stream = SANDBOX.log_stream("dispatcher-large", "0123abcd")

    assert stream == "dispatcher-large/dispatcher/0123abcd"
    assert stream.startswith(SANDBOX.stream_prefix("dispatcher-large"))


def test_every_parameter_lies_under_the_prefix_of_its_environment() -> None:
    parameters = [
        SANDBOX.running("dispatcher-large"),
        SANDBOX.release,
        SANDBOX.schema_head,
        SANDBOX.schedule_state("audit"),
        SANDBOX.schedule_revision("audit"),
    ]

    assert parameters == [
        "/ops-pipeline/sandbox/dispatcher-large/running",
        "/ops-pipeline/sandbox/release",
        "/ops-pipeline/sandbox/schema-head",
        "/ops-pipeline/sandbox/schedules/audit/state",
        "/ops-pipeline/sandbox/schedules/audit/revision",
    ]
    assert all(name.startswith(f"{SANDBOX.parameter_prefix}/") for name in parameters)


def test_what_is_of_an_account_lies_in_the_accounts_partition_and_nothing_else_does() -> None:
    assert names.trading_state("large") == Key("account#large", "trading-state")
    assert names.request("large", "20261122T143000Z-1") == Key("account#large", "request#20261122T143000Z-1")
    assert names.deployment("20261122T143000Z-1f2e3d4") == Key("deployments", "20261122T143000Z-1f2e3d4")
    assert Key("deploy", "lock") == names.DEPLOY_LOCK


def test_two_environments_share_no_name() -> None:
    def every(environment: Names) -> set[str]:
        properties = [name for name in dir(environment) if isinstance(getattr(Names, name), property)]
        by_service = (environment.family, environment.log_group, environment.running, environment.broker_secret)
        by_schedule = (environment.schedule_state, environment.schedule_revision)
        return (
            {getattr(environment, name) for name in properties}
            | {function("x") for function in (*by_service, *by_schedule)}
            | {environment.stack(role) for role in StackRole}
            | {environment.alarm("x", "y")}
        )

    assert every(SANDBOX) & every(Names("paper")) == set()
