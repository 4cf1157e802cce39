"""Publishes one version: something for a test to kill."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from prefline.objects import open_store
from prefline.releases import publish
from tests.prefline.releases.drafts import draft, preference

if __name__ == "__main__":
    uri, folder, number = sys.argv[1:]
    publish(open_store(uri), draft(Path(folder), [preference(int(number))]))
