"""The recipes of CONTRIBUTING.md, as the packages that they describe."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

_PAGE = Path(__file__).parents[3] / "CONTRIBUTING.md"


def recipe_code(heading: str) -> str:
    """Return the Python code of the recipe under a heading."""
    section = _PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    code = re.search(r"```python\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    assert code, f"the recipe {heading!r} has no code"
    return textwrap.dedent(code[1])
