"""A package as another team would install it: a module and the entry points of its metadata."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from prefline.config import plugins

MODULE = "prefline_test_plugins"


def install_package(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    group: str,
    plugins_by_name: Mapping[str, tuple[str, str]],
) -> None:
    """Lay a package into `folder` and onto the path, for the length of a test.

    `plugins_by_name` maps the name of each entry point of `group` to the attribute that it names
    and the source code that defines it, each in a module of its own.
    """
    package, metadata = folder / MODULE, folder / f"{MODULE}-1.2.dist-info"
    package.mkdir()
    metadata.mkdir()
    (package / "__init__.py").touch()
    lines = [f"[{group}]"]
    for name, (attribute, source) in plugins_by_name.items():
        (package / f"{name}.py").write_text(source)
        lines.append(f"{name} = {MODULE}.{name}:{attribute}")
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: prefline-test-plugins\nVersion: 1.2\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    for module in [name for name in sys.modules if name.partition(".")[0] == MODULE]:
        monkeypatch.delitem(sys.modules, module)
    importlib.invalidate_caches()
    plugins._installed.cache_clear()
    monkeypatch.setattr(plugins, "_installed", plugins._installed.__wrapped__)
