"""What /metrics counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "earwitness_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "earwitness_request_seconds", "Time to answer.", ("route",), buckets=_BUCKETS, registry=self.registry
        )
        self.running = Gauge("earwitness_requests_running", "Requests under way.", registry=self.registry)
        self.upload_bytes = Counter("earwitness_upload_bytes", "Bytes of uploads.", registry=self.registry)
        self.children_lost = Counter(
            "earwitness_children_lost",
            "Decoder processes that died or ran out of time.",
            ("why",),
            registry=self.registry,
        )
        self.jobs_ended = Counter("earwitness_jobs_ended", "Jobs ended here.", ("state",), registry=self.registry)
        self.jobs = Gauge("earwitness_jobs", "Jobs in the database.", ("state",), registry=self.registry)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
