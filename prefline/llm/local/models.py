"""The local models of a run, each in a process of its own, started when it is first needed."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from prefline.config import BUNDLED_EMBEDDER, Endpoint
from prefline.llm.local.model import LocalModel


class LocalModels:
    """A server for each local endpoint that is called; all end with the block.

    `root` is where relative paths of weights begin, `log` what the bundled model's server
    writes to; others write beside it. Each answers `slots` calls at once.
    """

    def __init__(self, root: Path, log: Path, slots: int = 16) -> None:
        self.slots = slots
        self._root = root
        self._log = log
        self._models: dict[str, LocalModel] = {}
        self._open = ExitStack()
        self._lock = threading.Lock()

    def __enter__(self) -> LocalModels:
        return self

    def base_url(self, endpoint: Endpoint) -> str:
        """URL, ending in `/v1`, of an endpoint's server; the first call starts it.

        Raises `EndpointUnreachable` if it does not start.
        """
        with self._lock:
            if endpoint.model not in self._models:
                self._models[endpoint.model] = self._open.enter_context(self._model(endpoint))
        return self._models[endpoint.model].base_url()

    def _model(self, endpoint: Endpoint) -> LocalModel:
        weights = endpoint.weights and self._root / endpoint.weights
        module = (
            "prefline.llm.local.encoder" if weights and weights.is_dir() else "prefline.llm.local"
        )
        return LocalModel(self._log_of(endpoint), self.slots, self._flags(endpoint), module)

    def _log_of(self, endpoint: Endpoint) -> Path:
        other = endpoint.weights is not None or endpoint.model == BUNDLED_EMBEDDER
        return self._log.with_name(f"{endpoint.model}.log") if other else self._log

    def _flags(self, endpoint: Endpoint) -> list[str]:
        flags = ["--name", endpoint.model]
        if endpoint.weights is not None:
            flags += ["--weights", str(self._root / endpoint.weights)]
        return [*flags, "--embeddings"] if endpoint.model == BUNDLED_EMBEDDER else flags

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()
