"""What every bench needs: servers of its own with fsync on, a tenant that is ready, and honest figures."""

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def servers() -> Iterator[None]:
    """Start PostgreSQL (fsync on) and Valkey in a temporary folder, migrate, and set Django up."""
    from tenantpilot.quickstart.servers import EmbeddedPostgres, EmbeddedValkey

    with tempfile.TemporaryDirectory(prefix="tenantpilot-bench-") as folder, ExitStack() as stack:
        Path(folder).chmod(0o755)
        postgres, valkey = EmbeddedPostgres(Path(folder)), EmbeddedValkey(Path(folder))
        os.environ["DATABASE_URL"] = postgres.start()
        stack.callback(postgres.stop)
        os.environ["REDIS_URL"] = valkey.start()
        stack.callback(valkey.stop)
        os.environ["DJANGO_SETTINGS_MODULE"] = "tenantpilot.settings_test"
        os.environ["TENANTPILOT_LOG_LEVEL"] = "ERROR"
        os.environ.setdefault("TENANTPILOT_PROCESS", "web")
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        yield


def sample(work: Callable[[], object], times: int) -> list[float]:
    """Return how long each call took, in milliseconds."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return took


def interleaved(works: dict[str, Callable[[], object]], *, rounds: int, each: int) -> dict[str, list[float]]:
    """Sample the works turn by turn, so that a machine that drifts drifts for all of them."""
    for work in works.values():
        sample(work, each)
    took: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            took[name] += sample(work, each)
    return took


def p(values: Sequence[float], percent: float) -> float:
    """Return the percentile of the values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]


def machine() -> str:
    """Return what the figures were measured on."""
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, CPython {platform.python_version()}"


def show(title: str, rows: dict[str, Sequence[float]], *, beside: str) -> None:
    """Print p50 and p99 in ms, and each p50 as a ratio to the row called ``beside``."""
    base = statistics.median(rows[beside])
    print(f"\n{title} ({machine()})")
    print(f"{'what':44}{'n':>7}{'p50 ms':>10}{'p99 ms':>10}{'ratio':>8}")
    for name, values in rows.items():
        middle = statistics.median(values)
        print(f"{name:44}{len(values):7}{middle:10.2f}{p(values, 99):10.2f}{middle / base:8.2f}")
