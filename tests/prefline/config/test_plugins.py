"""Plug-ins are found by name, built in or from the entry points of another package."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefline.config import plugins
from prefline.config.plugins import PluginGroup
from prefline.errors import ParamsError
from tests.prefline.config.temporary_package import install_package

GROUP = "prefline.tests"


@pytest.fixture
def group() -> PluginGroup[object]:
    return PluginGroup(GROUP, "test thing", {"json": "json:loads", "path": "pathlib:Path"})


def test_a_builtin_is_imported_by_its_place(group: PluginGroup[object]) -> None:
    assert group.get("path") is Path
    assert group.origin("path") is None


def test_an_unknown_name_names_the_nearest(group: PluginGroup[object]) -> None:
    with pytest.raises(ParamsError, match="did you mean 'path'"):
        group.get("paht")


def test_another_package_adds_one(
    group: PluginGroup[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_package(tmp_path, monkeypatch, GROUP, {"mine": ("THING", "THING = 7")})

    assert group.names() == ["json", "path", "mine"]
    assert group.get("mine") == 7
    assert group.origin("mine") == "prefline-test-plugins 1.2"


def test_a_name_that_two_declare_is_refused(
    group: PluginGroup[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_package(tmp_path, monkeypatch, GROUP, {"json": ("THING", "THING = 7")})

    with pytest.raises(ParamsError, match="declared more than once: json:loads, "):
        group.get("json")


def test_a_package_that_fails_to_import_is_named_with_its_fault(
    group: PluginGroup[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_package(tmp_path, monkeypatch, GROUP, {"broken": ("THING", "1 / 0")})

    with pytest.raises(ParamsError, match="ZeroDivisionError") as caught:
        group.get("broken")
    assert "reinstall" in caught.value.remedy


def test_entry_points_are_read_once(group: PluginGroup[object]) -> None:
    group.names()
    before = plugins._installed.cache_info().misses
    group.names()

    assert plugins._installed.cache_info().misses == before
