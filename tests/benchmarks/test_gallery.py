"""A gallery of its own world: the pictures are of what a real dispatcher wrote down."""

from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks import gallery


@pytest.mark.world
def test_a_call_is_decided_and_drawn_with_the_days_before_it(tmp_path: Path) -> None:
    gallery.draw(tmp_path, gallery.RECOMMENDED[:1], timedelta(days=7))

    assert {file.name for file in tmp_path.iterdir()} == {"GOOG-volatility.png", "GOOG-candidates.png", "GOOG.html"}
    page = (tmp_path / "GOOG.html").read_text(encoding="utf-8")
    assert "recommendation 1 for large, BUY CALL GOOG: " in page
    assert "rank undefined: 5 days of history, at least 60 are needed" in page
    assert "<tr class='chosen'><td>GOOG26" in page
