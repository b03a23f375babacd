"""The pages for machines: whether the process lives, whether all its parts are ready, and what it counted."""

import json
from collections.abc import Callable
from http import HTTPStatus

from routec.serve.http import PLAIN, Page, Pages
from routec.serve.metrics import CONTENT_TYPE, Metrics
from routec.serve.parts import Parts


def pages(parts: Parts, metrics: Metrics, is_going_round: Callable[[], bool]) -> Pages:
    """`/healthz`: the main loop goes round. `/readyz`: each part and its state, 503 while one is not ready."""

    def health() -> Page:
        if is_going_round():
            return Page(HTTPStatus.OK, PLAIN, b"ok\n")
        return Page(HTTPStatus.SERVICE_UNAVAILABLE, PLAIN, b"the main loop stands still\n")

    def ready() -> Page:
        states = parts.states()
        is_ready = all(state.is_ready for state in states.values())
        told = {name: {"ready": state.is_ready, "state": state.text} for name, state in states.items()}
        body = json.dumps({"ready": is_ready, "parts": told}, indent=2) + "\n"
        status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
        return Page(status, "application/json", body.encode())

    def counted() -> Page:
        for name, part in parts.all.copy().items():
            metrics.part(name, is_ready=part.state.is_ready, restarts=part.restarts)
        return Page(HTTPStatus.OK, CONTENT_TYPE, metrics.text())

    return {"/healthz": health, "/readyz": ready, "/metrics": counted}
