"""Names, addresses and sentences that several parts of the wizard share."""

from django.urls import reverse
from django.utils.translation import gettext as _

from onboarding.choices import SessionState, StepName
from onboarding.selectors import Seen
from onboarding.services import Overtaken
from onboarding.steps import STEPS
from providers.consent import Answer
from tenantpilot.tenancy.models import User


def person_name(user: User) -> str:
    """The full name where it is known, else the name of the sign-in."""
    return user.get_full_name() or user.get_username()


def session_url(session_id: int, step: StepName | str = "") -> str:
    """The wizard's page, at the step that is next or at the one that is named."""
    url = reverse("onboarding_session", args=[session_id])
    return f"{url}?step={step}" if step else url


def title_of(seen: Seen) -> str:
    """The tenant's name as far as it is known."""
    target = seen.standing.target
    return target.tenant.name if target else str(seen.session)


def step_words(step: StepName) -> str:
    """Where somebody is, in words."""
    number = next(place for place, each in enumerate(STEPS, 1) if each.name == step)
    words = {"number": number, "count": len(STEPS), "step": step.label}
    return _("Step %(number)s of %(count)s: %(step)s") % words


def overtaken_words(overtaken: Overtaken) -> str:
    """Who was faster; nothing of the act was done."""
    session = overtaken.session
    words = {"person": person_name(session.changed_by)}
    if session.state != SessionState.OPEN:
        return _("%(person)s has ended this onboarding. Nothing was changed.") % words
    return _("%(person)s was faster. Nothing of yours was saved; this is how it stands.") % words


def answer_words(answer: str) -> str:
    """What the provider answered to a request for consent, in one sentence."""
    words = {
        Answer.GRANTED: _("Microsoft says that consent was granted."),
        Answer.DECLINED: _("Consent was declined."),
        Answer.WRONG_ACCOUNT: _("This account may not consent. It takes a Global Administrator."),
        Answer.OTHER_TENANT: _("Consent was granted in another tenant."),
        Answer.UNCLEAR: _("Microsoft did not say whether consent was granted."),
    }
    return words[Answer(answer)]
