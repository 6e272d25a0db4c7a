"""One suspected cause of a failure, from what its tasks left behind. A suspicion, with the evidence it rests on."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ops.core.seen import Task


@dataclass(frozen=True, slots=True)
class Suspect:
    """What probably went wrong, the words that say so, and what to do."""

    cause: str
    evidence: str
    fix: str


_KILLED = 137
_EXEC_EXITS = {126, 127}


@dataclass(frozen=True, slots=True)
class _Clue:
    pattern: re.Pattern[str]
    cause: str
    fix: str


def _clue(pattern: str, cause: str, fix: str) -> _Clue:
    return _Clue(re.compile(pattern, re.IGNORECASE), cause, fix)


_CLUES = (
    _clue(
        r"OutOfMemory|out of memory",
        "out of memory",
        "raise `memory` of the service in pipeline.toml, cdk deploy, deploy again",
    ),
    _clue(
        r"exec format error",
        "the image is built for another architecture",
        "build for the architecture of the environment's place",
    ),
    _clue(
        r"log group does not exist|failed to validate logger|ResourceNotFoundException.*log",
        "the log group is missing",
        "cdk deploy the foundation stack",
    ),
    _clue(
        r"CannotPull|pull access denied|manifest unknown|image.*not found",
        "the image cannot be pulled",
        "look whether the registry still has the digest, and whether the execution role may pull",
    ),
    _clue(
        r"AccessDenied.*secret|secret.*AccessDenied|not authorized.*(secretsmanager|ssm:GetParameter)",
        "the execution role may not read a secret",
        "grant it in infra, cdk deploy, deploy again",
    ),
    _clue(
        r"unable to (pull|retrieve) secrets?|ResourceNotFoundException.*secret|did not contain json key"
        r"|secrets manager can't find",
        "a secret is missing, or has not the key that is asked for",
        "put the secret's value (ops preflight names its keys), deploy again",
    ),
    _clue(
        r"No module named|ImportError|ModuleNotFoundError",
        "the image lacks a module that the code imports",
        "add the dependency to the lock and build again",
    ),
    _clue(r"NameError|SyntaxError", "code that was never run", "fix what the line names, and build again"),
    _clue(
        r"Undefined(Column|Table|Function|Object)|relation .* does not exist",
        "the schema is behind the code",
        "look at the migrate task of the deployment",
    ),
    _clue(
        r"password authentication failed",
        "the database refuses the password",
        "put the right password into the database secret, deploy again",
    ),
    _clue(
        r"check_failed",
        "something needed for trading is missing or unreadable",
        "the check_failed line names it and its fix",
    ),
)


def suspect(tasks: Iterable[Task], lines: Iterable[str] = ()) -> Suspect | None:
    """The most telling of what the failed tasks left; None when nothing of it is known.

    What ECS says of a task counts before what the task itself logged, and a cause before its consequences.
    """
    failed = [each for each in tasks if each.ended]
    told = [(f"{each.stop_code} {each.reason}".strip(), each) for each in failed]
    named = _first((text for text, _ in told)) or _by_exit(failed) or _first(reversed(list(lines)))
    return named or _unknown(failed)


def _first(texts: Iterable[str]) -> Suspect | None:
    held = list(texts)
    for clue in _CLUES:
        for text in held:
            if clue.pattern.search(text):
                return Suspect(clue.cause, text, clue.fix)
    return None


def _by_exit(tasks: Iterable[Task]) -> Suspect | None:
    for task in tasks:
        if task.exit_code == _KILLED and task.died:
            return Suspect(
                "killed, most likely out of memory",
                f"task {task.id} ended with exit code 137: {task.reason}",
                "raise `memory` of the service in pipeline.toml, or look for what grows",
            )
        if task.exit_code in _EXEC_EXITS:
            return Suspect(
                "the command cannot be run in the image",
                f"task {task.id} ended with exit code {task.exit_code}: {task.reason}",
                "run `check --image` in the image; look at its entry point and architecture",
            )
    return None


def _unknown(tasks: Iterable[Task]) -> Suspect | None:
    for task in tasks:
        if task.died:
            evidence = f"task {task.id}: {task.stop_code}, exit code {task.exit_code}, {task.reason}"
            return Suspect("not known; the task ended by itself", evidence, "read its last lines in the evidence")
    return None
