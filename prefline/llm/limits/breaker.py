"""When a server that keeps failing is left alone, and when it is given up."""

from __future__ import annotations

_FAILURES = 10  # in a row, before calls stop going there
_FIRST_S = 0.5


class Breaker:
    """A circuit breaker (Nygard, "Release It!", 2007); pure, with the caller's clock.

    Ten failures in a row open it. Then one call at a time is let through after a pause that
    doubles from half a second to `longest_s`; a success closes it. After `tries` such calls
    that failed it is `spent`: the server is taken to be down.
    """

    def __init__(self, tries: int, longest_s: float) -> None:
        self._tries = tries
        self._longest_s = longest_s
        self._failures = 0
        self._failed_probes = 0
        self._probing = False
        self._retry_at = 0.0
        self.last_detail = ""

    @property
    def is_open(self) -> bool:
        """Whether calls are held back."""
        return self._failures >= _FAILURES

    @property
    def failing(self) -> bool:
        """Whether the last that was heard of the server is a failure."""
        return self._failures > 0

    @property
    def spent(self) -> bool:
        """Whether the server is taken to be down."""
        return self._failed_probes >= self._tries

    def allows(self, now: float) -> bool:
        """Whether a call may go now."""
        return not self.is_open or (now >= self._retry_at and not self._probing)

    @property
    def retry_at(self) -> float:
        """When the next call may go, if it is open."""
        return self._retry_at

    def began(self) -> bool:
        """A call goes. Whether it is the one that finds out if the server is back."""
        self._probing = self._probing or self.is_open
        return self.is_open

    def probed(self) -> None:
        """The call that was to find out has ended."""
        self._probing = False

    def succeeded(self) -> None:
        """The server answered."""
        self._failures = self._failed_probes = 0

    def give_up(self, detail: str, retry_at: float) -> None:
        """The server itself says that it will not answer for longer than anybody waits."""
        self._failures, self._failed_probes = _FAILURES, self._tries
        self._retry_at = retry_at
        self.last_detail = detail

    def failed(self, detail: str, now: float, *, probe: bool) -> None:
        """The server did not answer, or only with an error of its own."""
        self._failures += 1
        self._failed_probes += probe
        self.last_detail = detail
        if self._failures == _FAILURES or probe:
            self._retry_at = now + min(self._longest_s, _FIRST_S * 2**self._failed_probes)
