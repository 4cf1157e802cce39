"""The results that benchmarks write: one Markdown file for each in `benchmarks/results/`."""

from __future__ import annotations

from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def write_results(command: str, title: str, text: str) -> None:
    """Write the results of `python -m <command>`, such as `benchmarks.labels --seeds 3`."""
    module, *options = command.split()
    words = [module.removeprefix("benchmarks.").replace(".", "-")]
    words += [option.strip("-") for option in options]
    path = RESULTS / f"{'-'.join(words)}.md"
    path.parent.mkdir(exist_ok=True)
    head = f"# {title}\n\nWritten by `python -m {command}`.\n\n"
    path.write_text(f"{head}{text.strip()}\n", encoding="utf-8")
    print(f"wrote {path}")
