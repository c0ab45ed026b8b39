"""Which tests parallel workers must keep together: those that share one running console, or most of the server's
sessions (two hundred clicks beside two hundred more are over what PostgreSQL admits).
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.scheduler.protocol import Scheduling

TOGETHER = {
    "tests/browser/": "browser",
    "tests/system/": "system",
    "tests/api/": "system",
    "tests/races/": "races",
}


class ByStack(LoadScopeScheduling):
    """Each group to one worker, the largest first; every other test for itself."""

    # xdist's own groups by mark write into an attribute that pytest 9 does not read.
    def _split_scope(self, nodeid: str) -> str:
        return next((group for folder, group in TOGETHER.items() if nodeid.startswith(folder)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return ByStack(config, log)
