"""What the worker counts, for Prometheus; labels name kinds and states, never a school."""

from prometheus_client import Counter, Histogram

ITEMS = Counter("toetsfeedback_job_items_total", "Attempts at items of jobs", ["kind", "state"])
ITEM_SECONDS = Histogram(
    "toetsfeedback_job_item_seconds",
    "Seconds an attempt at an item took",
    ["kind"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
SWEPT = Counter("toetsfeedback_swept_total", "What sweepers found missed or left over", ["chore"])
