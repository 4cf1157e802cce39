"""Great Expectations, imported once for all tests that need it."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tasks.validate.expectations import Expectations


@pytest.fixture(scope="session")
def great_expectations() -> None:
    """Its import warns about optional packages of others (grpcio-status) that are not
    installed, and so would fail the first test that needs it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("tasks.validate.expectations")


@pytest.fixture
def expectations(great_expectations: None, tmp_path: Path) -> Expectations:
    """A fresh context that writes nowhere but to the test's folder."""
    from tasks.validate.expectations import Expectations

    return Expectations(tmp_path / "data_docs")
