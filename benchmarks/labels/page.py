"""The page that the benchmarks of labels write."""

from __future__ import annotations

from benchmarks.page import DOCS

PAGE = DOCS / "label-quality.md"
