"""Projects that have params and nothing else, to sample in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from prefline.project import Project


def project_at(folder: Path, **sample: Any) -> Project:
    params = {
        "sample": sample,
        "generate": {"endpoints": [{"model": "m", "base_url": "http://127.0.0.1:9/v1"}]},
        "judge": {"judges": [{"name": "verifier", "method": "verifier"}]},
    }
    folder.mkdir()
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    return Project(folder)
