"""Why a connection can't be worked with, and who mends it how."""

from django.utils.translation import gettext_lazy as _

from tenantpilot.core.reasons import NextStep, Reason, Words, declare
from tenantpilot.tenancy.capabilities import Capability


def _manage(label: Words, action_type: str, route: str) -> NextStep:
    words = _("Ask a Manager of %(workspace)s.")
    return NextStep(label, action_type, route, Capability.MANAGE_CONNECTIONS, otherwise=words)


def _ask(words: Words) -> NextStep:
    return NextStep(words, "ask_administrator", route="connection")


ADD_CONNECTION = _manage(_("Add connection"), "add_connection", "connection_add")
ENABLE = _manage(_("Enable connection"), "enable_connection", "connection")
REPLACE_SECRET = _manage(_("Replace secret"), "replace_secret", "connection_secret")
GRANT_CONSENT = _manage(_("Grant consent"), "grant_consent", "connection_consent")
EDIT_TENANT_ID = _manage(_("Edit tenant ID"), "edit_tenant_id", "tenant_edit")
CHECK_CONNECTION = NextStep(
    _("Check connection"),
    "check_connection",
    route="connection",
    capability=Capability.CHECK_CONNECTION,
    otherwise=_("Ask an Operator of %(workspace)s."),
)
BRING_BACK = NextStep(
    _("Bring back"),
    "bring_back",
    route="tenant",
    capability=Capability.MANAGE_TENANT,
    otherwise=_("Ask a Manager of %(workspace)s."),
)


TENANT_ARCHIVED = declare(Reason("tenant.archived", _("%(tenant)s is archived."), (BRING_BACK,)))
CONNECTION_MISSING = declare(
    Reason(
        "provider.connection_missing", _("%(tenant)s has no provider connection for this."), (ADD_CONNECTION,)
    )
)
CONNECTION_DISABLED = declare(
    Reason("provider.connection_disabled", _("The connection %(connection)s is disabled."), (ENABLE,))
)
CREDENTIAL_MISSING = declare(
    Reason("provider.credential_missing", _("The connection has no credential."), (REPLACE_SECRET,))
)
CREDENTIAL_EXPIRED = declare(
    Reason(
        "provider.credential_expired", _("The credential of %(connection)s has expired."), (REPLACE_SECRET,)
    )
)
CREDENTIAL_INVALID = declare(
    Reason(
        "provider.credential_invalid",
        _("Microsoft refuses the credential of %(connection)s."),
        (REPLACE_SECRET,),
    )
)
TENANT_NOT_FOUND = declare(
    Reason(
        "provider.tenant_not_found",
        _("Microsoft knows no tenant with this ID."),
        (CHECK_CONNECTION, EDIT_TENANT_ID),
    )
)
TENANT_MISMATCH = declare(
    Reason(
        "provider.tenant_mismatch",
        _("The connection leads to another tenant."),
        (CHECK_CONNECTION, EDIT_TENANT_ID),
    )
)
CONSENT_REVOKED = declare(
    Reason(
        "provider.consent_revoked",
        _("Admin consent was revoked in %(tenant)s."),
        (GRANT_CONSENT, CHECK_CONNECTION),
    )
)
CONSENT_MISSING = declare(
    Reason(
        "provider.consent_missing",
        _("%(tenant)s has not granted admin consent."),
        (GRANT_CONSENT, CHECK_CONNECTION),
    )
)
CONNECTION_UNVERIFIED = declare(
    Reason("provider.connection_unverified", _("The connection was never checked."), (CHECK_CONNECTION,))
)
UNREACHABLE = declare(
    Reason("provider.unreachable", _("Microsoft did not answer for %(tenant)s."), (CHECK_CONNECTION,))
)
THROTTLED = declare(
    Reason(
        "provider.throttled",
        _("Microsoft throttles %(tenant)s until %(until)s."),
        (NextStep(_("Try again after %(until)s"), "wait", route="connection"),),
        severity="warning",
    )
)
PERMISSION_MISSING = declare(
    Reason(
        "provider.permission_missing",
        _("The permission %(permissions)s is missing."),
        (GRANT_CONSENT, CHECK_CONNECTION),
        title_of_several=_("The permissions %(permissions)s are missing."),
    )
)
ROLE_MISSING = declare(
    Reason(
        "provider.role_missing",
        _("Microsoft refuses the read for lack of a role."),
        (_ask(_("Ask a Global Administrator of %(tenant)s for the role.")),),
    )
)
LICENCE_MISSING = declare(
    Reason(
        "provider.licence_missing",
        _("%(tenant)s has no licence for %(licence)s."),
        (_ask(_("Ask a Billing Administrator of %(tenant)s for the licence.")),),
    )
)
APPROVAL_REQUIRED = declare(
    Reason(
        "provider.approval_required",
        _("%(tenant)s wants a second approval for changes."),
        (_ask(_("Ask an Intune Administrator of %(tenant)s to approve.")),),
    )
)
FACTS_STALE = declare(
    Reason("provider.facts_stale", _("What we know of this connection is too old."), (CHECK_CONNECTION,))
)
SUPERSEDED = declare(
    Reason(
        "provider.superseded",
        _("A newer run through another connection read the same objects. Its data was kept."),
        severity="warning",
    )
)
RESPONSE_INVALID = declare(
    Reason(
        "provider.response_invalid", _("Microsoft sent an answer that can't be read."), (CHECK_CONNECTION,)
    )
)
BACK_UP_AGAIN = NextStep(
    _("Back up again"),
    "back_up",
    route="tenant",
    capability=Capability.BACK_UP_POLICIES,
    otherwise=_("Ask an Operator of %(workspace)s."),
)
OBJECTS_INCOMPLETE = declare(
    Reason(
        "backup.objects_incomplete",
        _("%(incomplete)s of %(objects)s objects were not read completely."),
        (BACK_UP_AGAIN,),
        severity="warning",
    )
)
