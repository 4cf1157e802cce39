"""Great Expectations, imported once for all tests that need it."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path

import pytest

from tasks.validate.rules import Expectations


@pytest.fixture(scope="session")
def great_expectations() -> None:
    """Its import warns about optional packages of others (grpcio-status) that are not
    installed, and so would fail the first test that needs it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("great_expectations.expectations")


@pytest.fixture
def expectations(great_expectations: None, tmp_path: Path) -> Expectations:
    """A fresh context that writes nowhere but to the test's folder."""
    return Expectations(tmp_path / "data_docs")
