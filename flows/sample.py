"""Stage `sample`: prompts from their sources."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

from prefect import flow

from flows.as_task import as_task
from flows.stage import run_stage
from prefline.metrics import write_metrics
from prefline.params import read_params
from prefline.project import find_project
from prefline.tables import PROMPTS, table_from_rows, write_rejections, write_table
from tasks.sample import sample_prompts


@flow(name="sample")
def sample() -> None:
    """Write `data/prompts` and `data/held_out`."""
    project = find_project()
    params = read_params(project.params).sample

    sampled = as_task(sample_prompts)(params, project.root)

    for table, prompts in (("prompts", sampled.kept), ("held_out", sampled.held_out)):
        rows = table_from_rows([asdict(prompt) for prompt in prompts], PROMPTS)
        write_table(project.table(table), rows, PROMPTS)
    write_rejections(project.table("rejections"), "sample", sampled.rejected)
    categories = Counter(prompt.category for prompt in sampled.kept)
    figures = {
        "prompts": len(sampled.kept),
        "held_out": len(sampled.held_out),
        "verifiable": sum(prompt.verifier is not None for prompt in sampled.kept),
        "rejected": dict(Counter(one.reason for one in sampled.rejected)),
        "duplicates": sampled.duplicates,
        "categories": dict(sorted(categories.items())),
    }
    write_metrics(project.metrics("sample"), figures)
    print(
        f"sample: {figures['prompts']} prompts, {figures['verifiable']} with a verifier, "
        f"{len(sampled.held_out)} held out, {len(sampled.rejected)} rejected, "
        f"{sampled.duplicates} duplicates"
    )


if __name__ == "__main__":
    run_stage(sample)
