"""Environment variables: read in this one place, for secrets and for what tools of others want."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

# Telemetry of the tools that the pipeline is built on is off, and Prefect gets the time that
# a busy two-core machine needs. A value that the user has set stays.
_DEFAULTS = {
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # What a stage has to say it says itself; run logs still go to the server.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "RAY_USAGE_STATS_ENABLED": "0",
}


STAGE_EXIT_CODE = "PREFLINE_STAGE_EXIT_CODE"
"""The variable that names the file for a stage's exit code."""


RUN = "PREFLINE_RUN"
"""The variable that names the run whose spend is counted together, where it is of several `dvc`."""


def run_name() -> str | None:
    """Return the name of the run that this process is a part of, if a parent gave it one."""
    return os.environ.get(RUN) or None


def name_run(name: str) -> None:
    """Name the run that this process and its children are a part of."""
    os.environ[RUN] = name


def worker_clone() -> Path | None:
    """Return the clone in which a worker of a Prefect work pool is at work, or None."""
    home = os.environ.get("PREFLINE_HOME")
    return Path(home) if home else None


def apply_defaults() -> None:
    """Set what is unset of the defaults above, for this process and its children."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


def secret(name: str | None) -> str | None:
    """Return the value of the environment variable that holds a key, or None if it is unset or
    empty."""
    if name is None:
        return None
    return os.environ.get(name) or None


def review_server(tool: str) -> tuple[str | None, str | None, tuple[str, str]]:
    """Return address and key of a review tool's server, as its own client names their variables,
    and those names."""
    names = {
        "label_studio": ("LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"),
        "argilla": ("ARGILLA_API_URL", "ARGILLA_API_KEY"),
    }[tool]
    return secret(names[0]), secret(names[1]), names


def experiment() -> str | None:
    """Return the name of the experiment of `dvc exp run` that this process is a part of."""
    if os.environ.get("DVC_EXP_BASELINE_REV"):
        return os.environ.get("DVC_EXP_NAME") or "unnamed"
    return None


def note_exit_code(code: int) -> None:
    """Write a stage's exit code to the file that the pipeline waits for it in, if there is one:
    DVC passes none on."""
    if path := os.environ.get(STAGE_EXIT_CODE):
        with suppress(OSError):  # a code that is not told is 1
            Path(path).write_text(str(code), encoding="utf-8")


def prefect_api_url() -> str | None:
    """Return the Prefect server that is named, or None; see `is_own_server`."""
    return os.environ.get("PREFECT_API_URL") or None


def name_prefect_server(url: str, *, own: bool) -> None:
    """Name the Prefect server to this process and its children, and whether it is the project's
    own, which another can take the place of if it is lost."""
    os.environ["PREFECT_API_URL"] = url
    os.environ["PREFLINE_OWN_PREFECT_SERVER"] = url if own else ""


def is_own_server(url: str) -> bool:
    """Return whether a parent of this process named the server, and not the user."""
    return os.environ.get("PREFLINE_OWN_PREFECT_SERVER") == url


def missing_certificates() -> tuple[str, str] | None:
    """Return the variable that names certificates which are not there, and the path; None if none
    does."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"):
        if (path := os.environ.get(name)) and not Path(path).exists():
            return name, path
    return None


def socks_proxies() -> list[str]:
    """Return the variables that name a SOCKS proxy."""
    names = ("ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
    return [name for name in names if os.environ.get(name, "").startswith("socks")]


def openlineage_namespace() -> str | None:
    """Return the namespace of jobs for OpenLineage; None where no transport for its events is set
    by OPENLINEAGE_URL or OPENLINEAGE_CONFIG, or where OPENLINEAGE_DISABLED turns it off."""
    disabled = os.environ.get("OPENLINEAGE_DISABLED", "").lower() in {"1", "true"}
    named = any(os.environ.get(name) for name in ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG"))
    if disabled or not named:
        return None
    return os.environ.get("OPENLINEAGE_NAMESPACE") or "prefline"


def bypass_proxy(url: str) -> None:
    """Let this process and its children reach a server on our own machine past any proxy."""
    host = urlsplit(url).hostname
    if host not in {"127.0.0.1", "localhost", "::1"}:
        return
    for name in ("no_proxy", "NO_PROXY"):
        hosts = os.environ.get(name, "")
        if host not in hosts.split(","):
            os.environ[name] = f"{hosts},{host}" if hosts else host


def proxy_from_environment(url: str) -> str | None:
    """Return the proxy for a URL by `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`."""
    parts = urlsplit(url)
    if parts.hostname is None or proxy_bypass(parts.hostname):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")
