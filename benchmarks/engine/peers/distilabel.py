"""distilabel: one text generation step, fed from memory.

Settings: batches of 64, since the step asks for a batch at a time, all of it at once; 500
rows to a batch where they are loaded, the fastest of 64, 500 and 2,000 in one run each; one
replica, since two of 32 took longer; neither the raw input nor the raw output is kept
beside the reply; warnings only, as it would log every HTTP request. No cache is read and its
folder is fresh; that it writes one cannot be turned off. The rows are left as the Parquet
that the pipeline writes by itself; the `Distiset` read back from it is not saved again.
"""

from __future__ import annotations

import os

from benchmarks.engine.peers.jobs import API_KEY, IN_FLIGHT, Options, options

_LOADED = 500


def main() -> None:
    """Run the job."""
    asked = options(__doc__)
    os.environ["DISTILABEL_LOG_LEVEL"] = "WARNING"
    from distilabel.pipeline import Pipeline
    from distilabel.steps import LoadDataFromDicts
    from distilabel.steps.tasks import TextGeneration

    rows = list(asked.calls())
    with Pipeline(name="benchmark", cache_dir=asked.output / "rows") as pipeline:
        load = LoadDataFromDicts(data=rows, batch_size=_LOADED)
        ask = TextGeneration(
            llm=_llm(asked),
            input_mappings={"instruction": "message"},
            output_mappings={"generation": "text"},
            input_batch_size=IN_FLIGHT,
            add_raw_input=False,
            add_raw_output=False,
        )
        load >> ask
    pipeline.run(use_cache=False)


def _llm(asked: Options) -> object:
    from distilabel.models import OpenAILLM

    job = asked.job
    return OpenAILLM(
        model=job.model,
        base_url=asked.base_url,
        api_key=API_KEY,
        generation_kwargs={"temperature": job.temperature, "max_new_tokens": job.max_tokens},
    )


if __name__ == "__main__":
    main()
