"""Whose containers they are, and whether that process is gone."""

import subprocess
import sys

from sandbox.engine import owner

TELL = "from sandbox.engine import owner; print(owner.ours())"


def test_a_living_process_is_not_gone_and_an_ended_one_is() -> None:
    ended = subprocess.run([sys.executable, "-c", TELL], capture_output=True, text=True, check=True).stdout.strip()

    assert not owner.gone(owner.ours())
    assert owner.gone(ended)


def test_another_process_with_the_same_number_is_not_the_one_that_ended() -> None:
    where, _, _ = owner.ours().rpartition("/")

    assert owner.gone(f"{where}/1.0")


def test_of_another_machine_nobody_here_can_say() -> None:
    assert not owner.gone("another-boot/pid:[1]/2147483646/1.0")
