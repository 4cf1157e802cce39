"""No progress bars of the libraries underneath: a stage says a line now and then."""

from __future__ import annotations

import os


def without_bars() -> None:
    """Turn them off; before the libraries are used."""
    # TRL asks tqdm itself, which reads this when it is imported.
    os.environ.setdefault("TQDM_DISABLE", "1")
    import datasets
    from transformers.utils import logging

    datasets.disable_progress_bars()
    logging.disable_progress_bar()
