"""What is counted, for Prometheus; names and meaning of every series. Nothing here may fail, or hold anybody up."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from routec.recorder.ports import RESULTS

CONTENT_TYPE = CONTENT_TYPE_LATEST

NO_MODULE = "unknown"
"""The module of calls that asked for none that there is: whoever calls the checker must not make series at will."""

_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30)


class Metrics:
    """All series of one `serve`, each in a registry of this object's own."""

    def __init__(self, version: str) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        info = Gauge("routec_info", "Always 1; the label is the version.", ["version"], registry=registry)
        info.labels(version).set(1)
        self._signins = Counter(
            "routec_signins", "Sign-ins that ended, by module and verdict.", ["module", "verdict"], registry=registry
        )
        self.conversations = Gauge(
            "routec_conversations", "Sign-ins and recordings that are held now.", registry=registry
        )
        self._recordings = Counter(
            "routec_recordings",
            f"Calls to record a prompt that ended, by result: {', '.join(RESULTS)}.",
            ["result"],
            registry=registry,
        )
        self.lockouts = Gauge("routec_lockouts", "Logins, callers and modules that are shut now.", registry=registry)
        self._webhooks = Gauge(
            "routec_webhooks",
            "Webhooks in the outbox, by state: pending, delivered, dead.",
            ["state"],
            registry=registry,
        )
        self.database_up = Gauge(
            "routec_database_up", "Whether the log could be used at the last look: 1 or 0.", registry=registry
        )
        self._builds = Counter(
            "routec_builds", "Builds, by result: good, fault, failed.", ["result"], registry=registry
        )
        self.build_faults = Gauge("routec_build_faults", "Errors that the last build found.", registry=registry)
        self._applies = Counter(
            "routec_applies",
            "Attempts to put a build in force, by result: ok, refused, unreachable.",
            ["result"],
            registry=registry,
        )
        self.last_apply = Gauge(
            "routec_last_apply_timestamp_seconds", "When a dialplan was last found in force.", registry=registry
        )
        self._live = Histogram(
            "routec_live_seconds",
            "From a change that was seen to its dialplan in force.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.pbx_up = Gauge("routec_pbx_up", "Whether Asterisk answers over AMI: 1 or 0.", registry=registry)
        self.drift = Gauge(
            "routec_dialplan_drift",
            "How many places of the dialplan were not as routec had left them, when last looked at.",
            registry=registry,
        )
        self.retired = Gauge(
            "routec_retired_contexts", "Old contexts that stay for the calls that are in them.", registry=registry
        )
        self._parts = Gauge("routec_part_ready", "Whether a part is ready: 1 or 0.", ["part"], registry=registry)
        self._restarts = Gauge("routec_part_restarts", "How often a part was begun anew.", ["part"], registry=registry)
        for result in RESULTS:
            self._recordings.labels(result)
        for result in ("ok", "refused", "unreachable"):
            self._applies.labels(result)
        for result in ("good", "fault", "failed"):
            self._builds.labels(result)

    def signed_in(self, module: str, verdict: str) -> None:
        """A sign-in ended."""
        self._signins.labels(module, verdict).inc()

    def recorded(self, result: str) -> None:
        """A call to record a prompt ended."""
        self._recordings.labels(result).inc()

    def webhooks(self, counts: dict[str, int]) -> None:
        """How many webhooks are in which state."""
        for state, count in counts.items():
            self._webhooks.labels(state).set(count)

    def built(self, result: str, errors: int) -> None:
        """A build ended."""
        self._builds.labels(result).inc()
        self.build_faults.set(errors)

    def applied(self, result: str, seconds: float | None = None) -> None:
        """An attempt to put a build in force ended; `seconds` from the change on, where there was one."""
        self._applies.labels(result).inc()
        if result == "ok":
            self.last_apply.set(time.time())
            if seconds is not None:
                self._live.observe(seconds)
        self.pbx_up.set(0 if result == "unreachable" else 1)

    def part(self, name: str, *, is_ready: bool, restarts: int) -> None:
        """How a part is."""
        self._parts.labels(name).set(is_ready)
        self._restarts.labels(name).set(restarts)

    def text(self) -> bytes:
        """All series as Prometheus reads them."""
        return generate_latest(self._registry)
