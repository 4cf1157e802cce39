"""NeMo Data Designer: one text column over a seed dataset.

Settings: 64 requests in parallel; the plain Jinja renderer, which does less work than the
hardened one; no health check, which would be one call more; no metrics port, telemetry or
live display. The rows are left as the Parquet that it writes by itself. Its
closing statistics cannot be turned off; those of tokens need a file from the internet, so
they are left out, in its favour. Other sizes of row groups and
fewer tasks at once made no clear difference, in one run each.
"""

from __future__ import annotations

import os
from typing import Any

from benchmarks.engine.peers.jobs import API_KEY, IN_FLIGHT, Options, options


def main() -> None:
    """Run the job."""
    asked = options(__doc__)
    os.environ["NEMO_TELEMETRY_ENABLED"] = "false"
    import data_designer.config as dd
    import pandas as pd
    from data_designer.interface import DataDesigner

    calls = pd.DataFrame(list(asked.calls()))
    builder = dd.DataDesignerConfigBuilder(model_configs=[_model(asked)])
    builder.with_seed_dataset(dd.DataFrameSeedSource(df=calls))
    column = dd.LLMTextColumnConfig(name="text", prompt="{{ message }}", model_alias="model")
    builder.add_column(column)

    provider = dd.ModelProvider(name="endpoint", endpoint=asked.base_url, api_key=API_KEY)
    designer = DataDesigner(artifact_path=asked.output / "rows", model_providers=[provider])
    native = dd.JinjaRenderingEngine.NATIVE
    designer.set_run_config(dd.RunConfig(otel_metrics_port=None, jinja_rendering_engine=native))
    designer.create(builder, num_records=len(calls))


def _model(asked: Options) -> Any:
    import data_designer.config as dd

    job = asked.job
    parameters = dd.ChatCompletionInferenceParams(
        temperature=job.temperature, max_tokens=job.max_tokens, max_parallel_requests=IN_FLIGHT
    )
    return dd.ModelConfig(
        alias="model",
        model=job.model,
        provider="endpoint",
        inference_parameters=parameters,
        skip_health_check=True,
    )


if __name__ == "__main__":
    main()
