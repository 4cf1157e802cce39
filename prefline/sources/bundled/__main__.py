"""Write `data/bundled/prompts.jsonl`."""

from __future__ import annotations

from pathlib import Path

import orjson

from prefline.sources.bundled import bundled_rows

if __name__ == "__main__":
    lines = b"".join(orjson.dumps(row) + b"\n" for row in bundled_rows())
    Path("data/bundled/prompts.jsonl").write_bytes(lines)
