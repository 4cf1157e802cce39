"""Bespoke Curator: its OpenAI backend, which calls any endpoint by URL.

Settings: 64 requests at once; the limits per minute are out of reach, as the defaults would
pace the run; a reply cut at `max_tokens` counts as a reply, where the default asks again;
cache, viewer, telemetry and live display are off, and warnings alone are logged, as it would
log every reply. The list of prices and the tokenizer come from the packages installed, not
from the network. The rows are left as the Arrow file that it writes by itself.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from pathlib import Path
from typing import Any

from benchmarks.engine.peers.jobs import API_KEY, IN_FLIGHT, Options, options

_UNLIMITED = 10**12


def main() -> None:
    """Run the job."""
    asked = options(__doc__)
    _settings()
    from bespokelabs import curator
    from datasets import Dataset

    logging.getLogger("curator").setLevel(logging.WARNING)

    class Ask(curator.LLM):
        """One call per row."""

        def prompt(self, row: dict[str, str]) -> str:
            """The user message."""
            return row["message"]

        def parse(self, row: dict[str, str], response: str) -> dict[str, str]:
            """The row written."""
            return {key: row[key] for key in asked.job.keys} | {"text": response}

    ask = Ask(**_model(asked))
    ask(Dataset.from_list(list(asked.calls())), working_dir=str(asked.output / "rows"))


def _model(asked: Options) -> dict[str, Any]:
    job = asked.job
    return {
        "model_name": job.model,
        "backend": "openai",
        "generation_params": {"temperature": job.temperature, "max_tokens": job.max_tokens},
        "backend_params": {
            "base_url": asked.base_url,
            "api_key": API_KEY,
            "max_concurrent_requests": IN_FLIGHT,
            "max_requests_per_minute": _UNLIMITED,
            "max_tokens_per_minute": _UNLIMITED,
            "invalid_finish_reasons": ["content_filter"],
        },
    }


def _settings() -> None:
    """Environment that must be there before the import."""
    found = importlib.util.find_spec("litellm")
    if found is None or found.origin is None:
        raise SystemExit("litellm is missing: run `make bench-engine-peers`")
    tokenizers = Path(found.origin).parent / "litellm_core_utils" / "tokenizers"
    os.environ.update(
        TELEMETRY_ENABLED="false",
        CURATOR_DISABLE_CACHE="1",
        CURATOR_DISABLE_RICH_DISPLAY="1",
        CURATOR_VIEWER="0",
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        TIKTOKEN_CACHE_DIR=str(tokenizers),
    )


if __name__ == "__main__":
    main()
