"""The report as a page of the server: the same as `prefline report` writes, with links."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from prefline.project import Project

_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ReportPage:
    """The report of a project."""

    project: Project

    def router(self) -> APIRouter:
        """Return the route."""
        routes = APIRouter()
        routes.add_api_route("/report", self.report, methods=["GET"])
        return routes

    def report(self, request: Request) -> Response:
        """Show the report. It holds its style and its script, so the policy lets these through
        and no others."""
        from prefline.report import read_facts, render

        page = render(read_facts(self.project), review=request.scope["root_path"])
        scripts = " ".join(f"'sha256-{_hash(one)}'" for one in _SCRIPT.findall(page))
        policy = (
            f"default-src 'none'; style-src 'unsafe-inline'; script-src {scripts}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return HTMLResponse(page, headers={"content-security-policy": policy})


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
