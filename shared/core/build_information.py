"""Build information, as a metric: the version of the program and of Python."""

import platform

from prometheus_client import CollectorRegistry, Gauge

from shared.core.version import package_version


def add_build_information(registry: CollectorRegistry) -> None:
    """Add a gauge that is always 1, with the versions as labels."""
    Gauge(
        "toetsfeedback_build_info",
        "The version of this program, and of Python",
        ["version", "python"],
        registry=registry,
    ).labels(package_version(), platform.python_version()).set(1)
