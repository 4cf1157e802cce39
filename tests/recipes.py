"""The recipes of CONTRIBUTING.md, as tests follow them."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

_PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"


def recipe(title: str) -> str:
    """Return the Python code below the heading `title`."""
    section = _PAGE.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert code is not None, f"there is no code below {title!r}"
    return textwrap.dedent(code[1])
