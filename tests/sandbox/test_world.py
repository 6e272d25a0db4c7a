import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from sandbox.parts import Part, PartError
from sandbox.world import Interrupted, World, WorldBusyError, clear

pytestmark = pytest.mark.world

PATIENT = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("ready", flush=True)
signal.pause()
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
OPENED = """
    import sys
    from pathlib import Path
    from sandbox.world import World
    with World.opened(Path(sys.argv[1])) as world:
        part = world.start("patient", [sys.executable, "-c", sys.argv[2]], {})
        part.wait_for(lambda line: line == "ready", what="ready")
        print(part.pid, flush=True)
        part.wait_for(lambda line: False, what="its end")
"""


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def is_ready(line: str) -> bool:
    return line == "ready"


def a_run(checkout: Path) -> "subprocess.Popen[str]":
    command = [*python(textwrap.dedent(OPENED)), str(checkout), PATIENT]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def the_part_of(run: "subprocess.Popen[str]") -> int:
    assert run.stdout is not None
    return int(run.stdout.readline())


def test_what_was_started_is_stopped_at_the_end(tmp_path: Path) -> None:
    with World.opened(tmp_path) as world:
        part = world.start("patient", python(PATIENT), {})
        part.wait_for(is_ready, what="ready")

    assert part.process.returncode == 0
    assert not (tmp_path / ".sandbox" / "world.json").exists()


def test_what_was_started_is_stopped_when_the_run_fails(tmp_path: Path) -> None:
    started: list[Part] = []

    def fail() -> None:
        with World.opened(tmp_path) as world:
            started.append(world.start("patient", python(PATIENT), {}))
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fail()
    assert [part.process.poll() is None for part in started] == [False]


def test_a_part_that_will_not_end_is_killed_and_that_is_told(tmp_path: Path) -> None:
    with World.opened(tmp_path) as world:
        part = world.start("deaf", python(DEAF), {})
        part.wait_for(is_ready, what="ready")
        with pytest.raises(PartError, match=r"deaf did not end within 0.2 s of SIGTERM"):
            part.stop(seconds=0.2)

    assert part.process.returncode == -signal.SIGKILL


def test_a_part_that_ends_early_is_told_with_its_last_words(tmp_path: Path) -> None:
    with World.opened(tmp_path) as world:
        part = world.start("brief", python("import sys; print('one'); sys.exit('no such table')"), {})
        with pytest.raises(PartError, match="brief ended with exit code 1 before ready") as failure:
            part.wait_for(is_ready, what="ready")

    assert failure.value.tail == "one\nno such table"


def test_a_part_that_stays_silent_is_told_after_the_time_it_had(tmp_path: Path) -> None:
    with (
        World.opened(tmp_path) as world,
        pytest.raises(PartError, match=r"patient did not say steady within 0.1 s"),
    ):
        world.start("patient", python(PATIENT), {}).wait_for(lambda line: line == "steady", what="steady", seconds=0.1)


def test_a_program_that_ran_is_told_with_exit_code_and_output(tmp_path: Path) -> None:
    with World.opened(tmp_path) as world:
        finished = world.run("adder", python("print(40 + 2); raise SystemExit(5)"), {}, seconds=10)

    assert (finished.code, finished.stdout) == (5, "42\n")


def test_a_part_knows_only_the_environment_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "of somebody else")
    with World.opened(tmp_path) as world:
        asked = "import os; print(os.environ.get('DATABASE_URL'), os.environ['GIVEN'])"
        assert world.run("asker", python(asked), {"GIVEN": "ours"}, seconds=10).stdout == "None ours\n"


def test_files_of_a_run_are_closed_to_others(tmp_path: Path) -> None:
    with World.opened(tmp_path) as world:
        world.run("adder", python("print(42)"), {}, seconds=10)
        kept = [world.folder.stat().st_mode & 0o777, (world.folder / "adder.log").stat().st_mode & 0o777]

    assert kept == [0o700, 0o600]


def test_a_second_run_is_refused_and_says_who_is_first(tmp_path: Path) -> None:
    with (
        World.opened(tmp_path),
        pytest.raises(WorldBusyError, match=f"another run is under way in this checkout: process {os.getpid()}, start"),
        World.opened(tmp_path),
    ):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_stops_everything(tmp_path: Path, number: signal.Signals) -> None:
    with a_run(tmp_path) as run:
        part = the_part_of(run)
        run.send_signal(number)
        errors = run.communicate()[1]

    assert f"Interrupted: {number.name}" in errors
    assert not psutil.pid_exists(part)
    assert not (tmp_path / ".sandbox" / "world.json").exists()


def test_a_run_after_a_killed_one_stops_what_it_left(tmp_path: Path) -> None:
    with a_run(tmp_path) as run:
        part = the_part_of(run)
        run.kill()
    assert psutil.pid_exists(part)

    with World.opened(tmp_path) as world:
        assert world.cleared == ("patient",)
    assert not psutil.pid_exists(part) or psutil.Process(part).status() == psutil.STATUS_ZOMBIE


def test_a_process_that_took_over_a_number_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(python(PATIENT)) as stranger:
        written = {"run": "earlier", "parts": [{"name": "part", "pid": stranger.pid, "started": 1.0}], "postgres": []}
        (tmp_path / "world.json").write_text(json.dumps(written), encoding="utf-8")

        stopped = clear(tmp_path)

        assert (stopped, stranger.poll()) == ((), None)
        stranger.kill()


def test_a_database_left_by_a_killed_run_is_stopped_and_its_data_removed(tmp_path: Path) -> None:
    program = f"""
        import os, signal
        from pathlib import Path
        from sandbox.world import World
        with World.opened(Path({str(tmp_path)!r})) as world:
            server = world.start_postgres()
            print(server.pid(), server.folder, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    """
    killed = subprocess.run(python(textwrap.dedent(program)), stdout=subprocess.PIPE, text=True, check=False)
    pid, folder = killed.stdout.split()
    assert psutil.pid_exists(int(pid))

    with World.opened(tmp_path) as world:
        assert world.cleared == ("postgres",)
    assert not Path(folder).exists()


def test_an_interruption_stops_the_database_as_well(tmp_path: Path) -> None:
    folders: list[Path] = []

    def interrupt() -> None:
        with World.opened(tmp_path) as world:
            folders.append(world.start_postgres().folder)
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted, match="SIGTERM"):
        interrupt()
    assert [folder.exists() for folder in folders] == [False]
