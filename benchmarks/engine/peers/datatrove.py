"""datatrove: its inference runner, with the server type for endpoints that run already.

Settings: 64 generations at once; one task, since a second would be a second process with a
runner of its own; no checkpoints, so neither a copy of the rows nor a cache of the replies is
written; rows written as JSONL without compression. To another address than localhost its
endpoint server uses the client of the package openai; to localhost it would use a lighter
one of its own, with a connection per call.

That server asks `<endpoint_url>/v1/models` whether the endpoint is up, but its client posts
to `<endpoint_url>/chat/completions`. An endpoint that serves both below `/v1`, as is usual,
would never be up: `_mend_readiness` mends that and nothing else.
"""

from __future__ import annotations

from typing import Any

from benchmarks.engine.peers.jobs import API_KEY, IN_FLIGHT, Options, options


def main() -> None:
    """Run the job."""
    asked = options(__doc__)
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.inference.run_inference import InferenceRunner
    from datatrove.pipeline.writers import JsonlWriter

    _mend_readiness()
    runner = InferenceRunner(
        rollout_fn=ask,
        config=_config(asked),
        output_writer=JsonlWriter(str(asked.output / "rows"), compression=None, adapter=_row),
    )
    pipeline = [_documents(asked), runner]
    LocalPipelineExecutor(pipeline, tasks=1, logging_dir=str(asked.output / "logs")).run()


async def ask(document: Any, generate: Any) -> str:
    """One call for one document."""
    reply = await generate({"messages": [{"role": "user", "content": document.text}]})
    return reply.text


def _config(asked: Options) -> Any:
    from datatrove.pipeline.inference.run_inference import InferenceConfig

    job = asked.job
    return InferenceConfig(
        server_type="endpoint",
        endpoint_url=asked.base_url,
        api_key=API_KEY,
        model_name_or_path=job.model,
        default_generation_params={"temperature": job.temperature, "max_tokens": job.max_tokens},
        max_concurrent_generations=IN_FLIGHT,
    )


def _documents(asked: Options) -> list[Any]:
    from datatrove.data import Document

    return [
        Document(text=call.pop("message"), id="-".join(call.values()), metadata=call)
        for call in asked.calls()
    ]


def _row(_writer: Any, document: Any) -> dict[str, str]:
    """What is written of a document: its keys and the reply."""
    (text,) = document.metadata.pop("rollout_results")
    return document.metadata | {"text": text}


def _mend_readiness() -> None:
    from datatrove.pipeline.inference.servers import EndpointServer

    url = EndpointServer.get_base_url
    EndpointServer.get_base_url = lambda self: url(self).removesuffix("/v1")


if __name__ == "__main__":
    main()
