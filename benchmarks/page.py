"""The pages that benchmarks write, each its own section between markers."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def write_section(page: Path, module: str, text: str) -> None:
    """Put `text` between the markers of `module`; a page without them has none of that."""
    begin, end = f"<!-- begin: python -m {module} -->", "<!-- end -->"
    before, rest = page.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end, 1)
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
    print(f"wrote {page.name}: {module}")
