"""Whose containers they are: a process of this machine, named so that another one is never taken for it."""

import os
from pathlib import Path

import psutil

LABEL = "ops-pipeline.sandbox.owner"
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NUMBERS = Path("/proc/self/ns/pid")
_SAME_START = 1.0
"""Seconds within which two start times are one: the clock may have been set a little in between."""


def ours() -> str:
    """This process: where its number counts, the number, and when it began."""
    return f"{_where()}/{os.getpid()}/{psutil.Process().create_time()}"


def gone(owner: str) -> bool:
    """Whether it was a process that we could see, and is no more; of another machine nobody here can say."""
    where, _, process = owner.rpartition("/")[0].rpartition("/")
    if where != _where():
        return False
    try:
        return abs(psutil.Process(int(process)).create_time() - float(owner.rpartition("/")[2])) > _SAME_START
    except psutil.NoSuchProcess:
        return True


def _where() -> str:
    """This start of this machine, and the space in which its processes are numbered."""
    # An engine may serve several machines' worth of containers, each with a process 1 of its own.
    return f"{_BOOT.read_text(encoding='utf-8').strip()}/{_NUMBERS.readlink()}"
