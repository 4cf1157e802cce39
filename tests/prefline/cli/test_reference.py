from __future__ import annotations

from pathlib import Path

import pytest

from prefline.cli.reference import PAGES

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_reference_page_is_what_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run `make docs`"
