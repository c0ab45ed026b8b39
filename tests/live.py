"""Fixtures: one stack for all tests that speak HTTP to the running console, and people signed in to it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.person import Person, signed_in
from tests.stack import Stack, running_stack

People = Callable[[str], Person]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The running console. Tests that use it stay on one worker (`tests/schedule.py`)."""
    with running_stack(tmp_path_factory.mktemp("system"), name="system", broker_number=14) as running:
        yield running


@pytest.fixture(scope="session")
def people(stack: Stack) -> Iterator[People]:
    """Whoever of the demo is asked for."""
    with everybody(stack) as person:
        yield person


@contextmanager
def everybody(stack: Stack) -> Iterator[People]:
    """People of the demo, each signed in when first asked for, until the block ends."""
    known: dict[str, Person] = {}
    with ExitStack() as sessions:

        def person(username: str) -> Person:
            if username not in known:
                known[username] = sessions.enter_context(signed_in(stack, username))
            return known[username]

        yield person
