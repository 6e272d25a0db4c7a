"""On whose behalf this process speaks to AWS."""

import socket
from collections.abc import Mapping

from ops.aws.session import Aws, Call
from ops.core.seen import Who

IDENTITY = Call("sts", "GetCallerIdentity", {})


def who(aws: Aws, environ: Mapping[str, str]) -> Who:
    """The caller, this host, and the CI run when there is one."""
    return Who(arn=str(aws.ask(IDENTITY)["Arn"]), host=socket.gethostname(), ci=ci_run(environ))


def ci_run(environ: Mapping[str, str]) -> str:
    """Address of the CI run that this process is part of; empty outside CI."""
    server, repository, run = (environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else ""
