from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.errors import Exit, OpsError
from ops.image.source import exported, source
from tests.ops.image.lamp import Lamp


def test_a_clean_tree_is_its_commit(lamp: Lamp) -> None:
    what = source(lamp.folder / "dispatcher", allow_dirty=False)

    assert what.tag == what.revision == lamp.git("rev-parse", "HEAD")
    assert len(what.revision) == 40
    assert what.created == datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
    assert not what.dirty


def test_changes_are_refused_and_named(lamp: Lamp) -> None:
    lamp.write("dispatcher/price.py", "TICK = 2\n")
    lamp.write("dispatcher/new.py", "")

    with pytest.raises(OpsError) as raised:
        source(lamp.folder, allow_dirty=False)

    assert raised.value.message == (
        "the working tree has changes that no commit has: dispatcher/price.py, dispatcher/new.py"
    )
    assert "--allow-dirty" in raised.value.next_step
    assert raised.value.exit_code is Exit.NOT_DONE


def test_many_changes_are_counted(lamp: Lamp) -> None:
    for number in range(8):
        lamp.write(f"dispatcher/new_{number}.py", "")

    with pytest.raises(OpsError, match=r"new_4\.py and 3 more$"):
        source(lamp.folder, allow_dirty=False)


def test_what_git_ignores_is_no_change(lamp: Lamp) -> None:
    lamp.write("notes.ignored", "x")

    assert not source(lamp.folder, allow_dirty=False).dirty


def test_changes_have_a_tag_of_their_own_that_follows_them(lamp: Lamp) -> None:
    lamp.write("dispatcher/price.py", "TICK = 2\n")
    first, again = (source(lamp.folder, allow_dirty=True) for _ in range(2))
    lamp.write("dispatcher/price.py", "TICK = 3\n")
    other = source(lamp.folder, allow_dirty=True)

    assert first.dirty
    assert first.tag.startswith(f"{first.revision}-dirty-")
    assert len(first.tag) == len(f"{first.revision}-dirty-") + 12
    assert first.tag == again.tag != other.tag


def test_looking_at_changes_stages_nothing(lamp: Lamp) -> None:
    lamp.write("dispatcher/new.py", "")

    source(lamp.folder, allow_dirty=True)

    assert lamp.git("status", "--porcelain") == "?? dispatcher/new.py"


def test_what_is_exported_is_the_commit_whatever_happens_to_the_files(lamp: Lamp) -> None:
    what = source(lamp.folder, allow_dirty=False)
    lamp.write("dispatcher/price.py", "TICK = 2\n")

    with exported(what) as folder:
        assert (folder / "dispatcher/price.py").read_text("utf-8") == "TICK = 1\n"
        assert sorted(path.name for path in folder.iterdir()) == ["contract", "dispatcher", "requirements"]
    assert not folder.exists()


def test_what_is_exported_of_a_dirty_tree_has_its_changes(lamp: Lamp) -> None:
    lamp.write("dispatcher/new.py", "NEW = 1\n")
    (lamp.folder / "dispatcher/price.py").unlink()

    with exported(source(lamp.folder, allow_dirty=True)) as folder:
        assert (folder / "dispatcher/new.py").exists()
        assert not (folder / "dispatcher/price.py").exists()


def test_a_folder_outside_of_any_repository_is_told(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="not a git repository"):
        source(tmp_path, allow_dirty=False)
