"""The first syncs of a tenant: what may be chosen, and the chain that carries them out one after another."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from onboarding.models import OnboardingSession
from onboarding.selectors import reference_of
from operations import chains, registry, words
from operations.buttons import CHECK_CONNECTION
from operations.chain_data import chain_data
from operations.chain_record import ChainView
from operations.choices import Access, Surface
from operations.registry import OperationType
from providers.selectors import Target

FIELD = "selectedOperations"
SURFACE = "onboarding.bootstrap"
# A check is the step before; a preview needs a restore run.
_NOT_FIRST = frozenset({CHECK_CONNECTION, "restore.preview"})
# Somebody may send thousands of wrong names; a few tell what is wrong.
_SHOWN = 10


def selectable() -> list[OperationType]:
    """Every read that a tenant can begin with."""
    return [
        kind
        for kind in registry.types_on(Surface.CONNECTION)
        if kind.access is Access.READ and kind.name not in _NOT_FIRST
    ]


def read_selection(value: Any, *, form: bool = False) -> tuple[list[OperationType], str]:
    """Return the operations that a body names, in its order, or no operation and what is wrong with it, by name.

    A form that ticks one box sends a text; JSON wants the list.
    """
    names = [value] if form and isinstance(value, str) else value
    if not names:
        return [], _("Choose at least one operation.")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return [], _("Send the names of operations.")
    known, counts = {kind.name: kind for kind in selectable()}, Counter(names)
    wrong = [
        _wrong(_("Unknown"), [name for name in names if not registry.knows(name)]),
        _wrong(_("Can't be chosen"), [name for name in names if registry.knows(name) and name not in known]),
        _wrong(_("Named twice"), [name for name in names if counts[name] > 1]),
    ]
    if told := " ".join(part for part in wrong if part):
        return [], told
    return [known[name] for name in names], ""


def _wrong(label: str, names: Sequence[str]) -> str:
    found = [name[:100] for name in dict.fromkeys(names)]
    shown, more = ", ".join(found[:_SHOWN]), len(found) - _SHOWN
    if more > 0:
        return _("%(what)s: %(names)s and %(more)s more.") % {"what": label, "names": shown, "more": more}
    return _("%(what)s: %(names)s.") % {"what": label, "names": shown} if found else ""


def chain_of(session: OnboardingSession) -> ChainView | None:
    """The chain that the session started last."""
    return chains.latest(reference_of(session.pk))


def chain_shown(chain: ChainView, target: Target) -> dict[str, Any]:
    """A chain as the wizard draws it: its steps in words, how many have ended, whether it goes on."""
    about = words.about({}, target)
    ended = [
        step for step in chain.steps if step.run_outcome or step.status in {"blocked", "cancelled", "skipped"}
    ]
    return {
        **chain_data(chain, about),
        "active": chain.completed_at is None,
        "done": len(ended),
        "total": len(chain.steps),
        "percent": 100 * len(ended) // len(chain.steps),
    }
