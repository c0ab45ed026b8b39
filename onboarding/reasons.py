"""Why an onboarding can't go on."""

from django.utils.translation import gettext_lazy as _

from tenantpilot.core.reasons import NextStep, Reason, declare

STEP_INCOMPLETE = declare(
    Reason(
        "onboarding.step_incomplete",
        _("An earlier step of this onboarding is not done."),
        (NextStep(_("Continue onboarding"), "continue_onboarding", route="onboarding_session"),),
        severity="warning",
    )
)
