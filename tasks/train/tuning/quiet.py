"""What a training says: a line now and then."""

from __future__ import annotations

import sys
import time
from typing import Any

_SECONDS_BETWEEN_LINES = 30.0


def say_steps(trainer: Any) -> None:
    """Have a trainer say how far it is on a line of its own every 30 seconds, in place of a
    dictionary each step."""
    from transformers import PrinterCallback, TrainerCallback

    class Steps(TrainerCallback):  # type: ignore[misc]  # Transformers has no types
        def __init__(self) -> None:
            self._said = time.monotonic()

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            del args, control
            now = time.monotonic()
            if not state.is_world_process_zero or now - self._said < _SECONDS_BETWEEN_LINES:
                return
            self._said = now
            loss = f", loss {float(logs['loss']):.3f}" if "loss" in (logs or {}) else ""
            sys.stderr.write(f"train: step {state.global_step}/{state.max_steps}{loss}\n")

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Steps())
