"""Prometheus metrics of the worker; labels name kinds and states, never a school."""

from prometheus_client import REGISTRY, Counter, Histogram

from shared.core.build_information import add_build_information

ITEMS = Counter("toetsfeedback_job_items_total", "Attempts at job items", ["kind", "state"])
ITEM_SECONDS = Histogram(
    "toetsfeedback_job_item_seconds",
    "Duration of an attempt at a job item in seconds",
    ["kind"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
SWEPT = Counter(
    "toetsfeedback_swept_total", "Rows and objects that periodic tasks processed", ["task"]
)
OPENING_FAULTS = Counter(
    "toetsfeedback_opening_faults_total",
    "Documents of approved openings that were not in the object store as verified",
)
add_build_information(REGISTRY)
