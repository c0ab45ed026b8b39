"""The steps of an onboarding, declared once. Whether one is done is read from the facts, never from the URL."""

from collections.abc import Callable
from dataclasses import dataclass

from onboarding.checks import is_verified
from onboarding.choices import SessionState, StepName
from onboarding.models import OnboardingSession
from providers.readiness import ConnectionFacts
from providers.selectors import Target


@dataclass(frozen=True, slots=True)
class Standing:
    """A session with the facts of its connection, and the tenant as its reader sees it; none before there is one.

    ``bootstrapped``: the first syncs were started.
    """

    session: OnboardingSession
    facts: ConnectionFacts | None = None
    target: Target | None = None
    bootstrapped: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step, and how to tell that it is done."""

    name: StepName
    is_done: Callable[[Standing], bool]


STEPS = (
    Step(StepName.IDENTIFY, lambda at: at.session.tenant_id is not None),
    Step(StepName.CONNECT, lambda at: at.session.connected_at is not None and at.facts is not None),
    Step(StepName.VERIFY, lambda at: is_verified(at.facts, at.session.left_out)),
    Step(StepName.BOOTSTRAP, lambda at: at.bootstrapped),
    Step(StepName.DONE, lambda at: at.session.state == SessionState.DONE),
)


def current(standing: Standing) -> StepName:
    """The first step that is not done; the last one when all are."""
    return next((step.name for step in STEPS if not step.is_done(standing)), StepName.DONE)


def open_before(standing: Standing, wanted: StepName) -> StepName | None:
    """The first step before ``wanted`` that is not done yet, or None when ``wanted`` may be taken."""
    for step in STEPS:
        if step.name == wanted:
            return None
        if not step.is_done(standing):
            return step.name
    return None


def done(standing: Standing) -> frozenset[StepName]:
    """The steps that are done."""
    return frozenset(step.name for step in STEPS if step.is_done(standing))
