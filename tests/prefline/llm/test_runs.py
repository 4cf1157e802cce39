"""The `dvc` above a stage, found with and without `/proc`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.projects import ROOT

STAGE = """\
import os, psutil, sys
sys.platform = sys.argv[1]
from prefline.llm.runs import dvc_above, lasting_name
above = dvc_above()
print(above and lasting_name(above), lasting_name(os.getpid()) == lasting_name(os.getpid()))
"""
DVC = "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)"


@pytest.mark.parametrize("platform", ["linux", "darwin"])
@pytest.mark.parametrize("name", ["dvc", "other"])
def test_a_stage_finds_its_dvc_and_a_name_for_it_that_lasts(
    name: str, platform: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(DVC)
    dvc = subprocess.Popen(
        [sys.executable, tmp_path / name, sys.executable, "-c", STAGE, platform],
        stdout=subprocess.PIPE, text=True,
        env=os.environ | {"DVC_STAGE": "judge", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    said, is_steady = dvc.communicate()[0].split()

    assert is_steady == "True"
    if name == "other":  # nor is what runs these tests a dvc
        assert said == "None"
    else:
        assert said.startswith(f"{dvc.pid}-")
        assert ("." in said) == (platform == "darwin")
