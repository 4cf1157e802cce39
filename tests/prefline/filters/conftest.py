"""What the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from prefline.filters import near


@pytest.fixture(scope="package", autouse=True)
def _few_slots() -> Iterator[None]:
    """Few slots of shingles, which many shingles share: results are the same, and sooner there."""
    with patch.object(near, "_SLOTS", 1 << 8):
        yield
