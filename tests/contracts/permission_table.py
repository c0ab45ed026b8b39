"""Who gets which status where: one row for each route and method.

Whoever adds a URL adds its row here; the test fails for a route without one, and for a row without a route.
Columns: an owner of another workspace, a member of this one who is not entitled to the tenant, then the roles on it.
Strangers need no column: unless a row is public they are sent to sign in. The slash forms of pages need no rows.
"""

from dataclasses import dataclass, field
from typing import Any

PEOPLE = ("outsider", "bystander", "readonly", "operator", "manager", "owner")
TENANT = {"tenant": "contoso"}
GONE_TENANT = {"tenant": "nowhere"}
OBJECT = {"object_type": "deviceConfigurations", "object_id": "an-object"}
CONNECTION = {"connection": "{connection}"}
GONE = 987654321
GONE_CONNECTION = {"connection": GONE}
RUN = {"run": "{run}"}
RESTORE = TENANT | {"restore_run": "{restore}"}
GONE_RESTORE = TENANT | {"restore_run": GONE}
EXECUTION, GONE_EXECUTION = TENANT | {"restoreRun": "{restore}"}, TENANT | {"restoreRun": GONE}
GONE_RUN = {"run": GONE}
SESSION = {"session": "{session}"}
GONE_SESSION = {"session": GONE}
VERIFY = {"step": "verify"}
CHECK_START = {"operation": "provider.connection.check"}
APP = {"app": "{app}"}
GONE_APP = {"app": GONE}
STEP = {"run": "{step}"}
GROUPS_START = {"operation": "directory.groups.sync"}


@dataclass(frozen=True)
class Row:
    """``expected``: one status for each of PEOPLE, or one for all. ``absent``: the same URL, naming nothing at all.

    ``page``, ``fragment``, ``json``: the status in that rendering where it is another one, for everybody who is in.
    ``public``: what a stranger gets where that is not the sign-in page. ``data``: what a POST sends. ``only_html``: a
    surface that answers JSON clients with a 406, before it looks at anything.
    """

    route: str
    method: str
    expected: str
    names: dict[str, Any] = field(default_factory=dict)
    absent: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    page: int = 0
    fragment: int = 0
    json: int = 0
    public: int = 0
    only_html: bool = False

    def status(self, person: str, rendering: str) -> int:
        columns = self.expected.split()
        status = int(columns[PEOPLE.index(person)] if len(columns) > 1 else columns[0])
        return status if status >= 400 else getattr(self, rendering) or status


VIEW = "404 404 200 200 200 200"
OPERATE = "404 404 403 200 200 200"
MANAGE = "404 404 403 403 200 200"
MANAGED = "404 404 403 403 302 302"
PREPARED = "404 404 403 303 303 303"
OWN = "404 404 403 403 403 200"

SURFACES = (
    Row("admin/t/<str:tenant>/provider-actions/<str:operation>/start", "POST", OPERATE,
        TENANT | GROUPS_START, GONE_TENANT | GROUPS_START),
    Row("admin/t/<str:tenant>/directory/groups/sync", "POST", OPERATE, TENANT, GONE_TENANT),
    Row("admin/t/<str:tenant>/directory/role-definitions/sync", "POST", OPERATE, TENANT, GONE_TENANT),
    Row("admin/provider-connections/<str:connection>/actions/<str:operation>/start", "POST", OPERATE,
        CONNECTION | GROUPS_START, GONE_CONNECTION | GROUPS_START),
    Row("admin/operations/<int:run>", "GET", VIEW, RUN, GONE_RUN),
    Row("admin/operations/<int:run>/status", "GET", VIEW, RUN, GONE_RUN, only_html=True),
    Row("admin/operations/<int:run>/progress", "GET", VIEW, RUN, GONE_RUN, only_html=True),
    Row("admin/operations/<str:run>/retry", "POST", OPERATE, RUN, GONE_RUN),
    Row("admin/operations/<str:run>/cancel", "GET", OPERATE, RUN, GONE_RUN),
    Row("admin/operations/<str:run>/cancel", "POST", OPERATE, RUN, GONE_RUN, page=303),
    Row("admin/operations/<str:run>/cancel-chain", "GET", OPERATE, STEP, GONE_RUN),
    Row("admin/operations/<str:run>/cancel-chain", "POST", OPERATE, STEP, GONE_RUN, page=303),
    Row("admin/operations/<str:run>/force-release", "GET", OWN, RUN, GONE_RUN),
    Row("admin/operations/<str:run>/force-release", "POST", "404 404 403 403 403 409", RUN, GONE_RUN),
)  # fmt: skip

LISTS = (
    Row(
        "admin/tenants/start",
        "POST",
        "404 404 303 303 303 303",
        data={"operation": "directory.groups.sync", "tenant": ["contoso"]},
        fragment=200,
    ),
    Row(
        "admin/tenants/start/<uuid:answer>", "GET", "404", {"answer": "00000000-0000-4000-8000-000000000000"}
    ),
    Row("admin/operations", "GET", "200"),
    Row("admin/operations/rows", "GET", "286"),
    Row("admin/operations/recent", "GET", "404"),
    Row("admin/tenants", "GET", "200"),
    Row("admin/provider-connections", "GET", "200"),
)

RESTORES = (
    # A form that confirms nothing is refused; the JSON surface carries out the current plan.
    Row("admin/t/<str:tenant>/restore-runs/<str:restoreRun>/execute", "POST", MANAGE, EXECUTION, GONE_EXECUTION,
        page=400, fragment=400),
    Row("admin/t/<slug:tenant>/restore-runs", "GET", VIEW, TENANT, GONE_TENANT),
    # Without a backup that the person may use there is nothing to restore.
    Row("admin/t/<slug:tenant>/restore-runs", "POST", "404 404 403 404 404 404", TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/restore-runs/new", "GET", "404 404 403 404 404 404", TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/restore-runs/<int:restore_run>", "GET", VIEW, RESTORE, GONE_RESTORE),
    Row("admin/t/<slug:tenant>/restore-runs/<int:restore_run>/review", "GET", MANAGE, RESTORE, GONE_RESTORE),
    Row("admin/t/<slug:tenant>/restore-runs/<int:restore_run>/items/<int:item>", "GET", VIEW,
        RESTORE | {"item": "{restore_item}"}, RESTORE | {"item": GONE}),
    # Nothing of this restore has a secret; who enters one that has is asked in tests/providers.
    *(
        Row("admin/t/<slug:tenant>/restore-runs/<int:restore_run>/secrets/<int:item>", method,
            "404 404 403 404 404 404", RESTORE | {"item": GONE}, GONE_RESTORE | {"item": GONE})
        for method in ("GET", "POST")
    ),
    *(
        Row(f"admin/t/<slug:tenant>/restore-runs/<int:restore_run>/{act}", "POST", PREPARED, RESTORE, GONE_RESTORE)
        for act in ("options", "items", "targets", "resume", "undo")
    ),
)  # fmt: skip

PAGES = (
    Row("admin/t/<slug:tenant>", "GET", VIEW, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/directory/groups", "GET", VIEW, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/directory/role-definitions", "GET", VIEW, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/directory/groups/export", "GET", VIEW, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/directory/role-definitions/export", "GET", VIEW, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/inventory", "GET", VIEW, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/inventory/objects", "GET", VIEW, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/inventory/export", "GET", VIEW, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/inventory/changes", "GET", VIEW, TENANT, GONE_TENANT),
    # Nothing was read here; who sees an object that was is asked in tests/console.
    Row("admin/t/<slug:tenant>/inventory/<str:object_type>/<path:object_id>", "GET", "404",
        TENANT | OBJECT, GONE_TENANT | OBJECT),
    Row("admin/t/<slug:tenant>/compliance", "GET", VIEW, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/compliance/policies", "GET", VIEW, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/compliance/devices", "GET", VIEW, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/compliance/devices/export", "GET", VIEW, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/compliance/devices/<path:device>", "GET", "404",
        TENANT | {"device": "a-device"}, GONE_TENANT | {"device": "a-device"}),
    Row("admin/t/<slug:tenant>/edit", "GET", MANAGE, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/edit", "POST", "404 404 403 403 400 400", TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/archive", "GET", MANAGE, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/archive", "POST", MANAGED, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/archive/status", "GET", "404 404 286 286 286 286", TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/bring-back", "POST", MANAGED, TENANT, GONE_TENANT),
    # It is in use: only what is archived is deleted.
    Row("admin/t/<slug:tenant>/delete", "GET", "404 404 403 403 403 409", TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/delete", "POST", "404 404 403 403 403 409", TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/connections/add", "GET", MANAGE, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/connections/add", "POST", "404 404 403 403 400 400", TENANT, GONE_TENANT),
    Row("admin/provider-connections/<int:connection>", "GET", VIEW, CONNECTION, GONE_CONNECTION),
    Row("admin/provider-connections/<int:connection>/enable", "POST", MANAGED, CONNECTION, GONE_CONNECTION),
    Row("admin/provider-connections/<int:connection>/disable", "GET", MANAGE, CONNECTION, GONE_CONNECTION),
    Row("admin/provider-connections/<int:connection>/disable", "POST", MANAGED, CONNECTION, GONE_CONNECTION),
    Row("admin/provider-connections/<int:connection>/default", "POST", MANAGED, CONNECTION, GONE_CONNECTION),
    Row("admin/provider-connections/<int:connection>/remove", "GET", MANAGE, CONNECTION, GONE_CONNECTION),
    # A run is active on it.
    Row("admin/provider-connections/<int:connection>/remove", "POST", "404 404 403 403 409 409", CONNECTION,
        GONE_CONNECTION),
    Row("admin/provider-connections/<int:connection>/secret", "GET", MANAGE, CONNECTION, GONE_CONNECTION),
    Row("admin/provider-connections/<int:connection>/secret", "POST", "404 404 403 403 400 400", CONNECTION,
        GONE_CONNECTION),
    Row("admin/provider-connections/<int:connection>/consent", "GET", MANAGE, CONNECTION, GONE_CONNECTION),
    Row("admin/consent/return", "GET", "400"),
    Row("admin/consent/return", "POST", "400"),
)  # fmt: skip

# A session with a tenant; the outsider brings tenants into a workspace of their own.
ONBOARDING = (
    Row("admin/onboarding", "GET", "200 403 403 403 200 200"),
    Row("admin/onboarding", "POST", "302 403 403 403 302 302"),
    Row("admin/onboarding/<int:session>", "GET", MANAGE, SESSION, GONE_SESSION),
    Row("admin/onboarding/<int:session>", "POST", MANAGED, SESSION, GONE_SESSION),
    Row("admin/onboarding/<int:session>/abandon", "GET", MANAGE, SESSION, GONE_SESSION),
    Row("admin/onboarding/<int:session>/abandon", "POST", MANAGED, SESSION, GONE_SESSION),
    Row("admin/onboarding/<int:session>/hand-over", "GET", MANAGE, SESSION, GONE_SESSION),
    Row("admin/onboarding/<int:session>/hand-over", "POST", MANAGED, SESSION, GONE_SESSION),
    Row("admin/onboarding/<int:session>/consent", "POST", "404 404 403 403 404 404", SESSION, GONE_SESSION),
    Row("admin/onboarding/<int:session>/live/<str:step>", "GET", "404 404 403 403 404 404",
        SESSION | VERIFY, GONE_SESSION | VERIFY),
    Row("admin/onboarding/<int:session>/certificate", "GET", "404 404 403 403 404 404", SESSION, GONE_SESSION),
    Row("admin/onboarding/<int:session>/cancel", "POST", "404 404 403 403 404 404", SESSION, GONE_SESSION),
    Row("admin/onboarding/<str:session>/provider-bootstrap/start", "POST", "404 404 403 403 400 400", SESSION,
        GONE_SESSION),
    Row("admin/onboarding/<str:session>/provider-actions/<str:operation>/start", "POST", MANAGE,
        SESSION | CHECK_START, GONE_SESSION | CHECK_START),
    Row("admin/app-registrations", "GET", "200 403 403 403 200 200"),
    Row("admin/app-registrations/add", "GET", "200 403 403 403 200 200"),
    Row("admin/app-registrations/add", "POST", "400 403 403 403 400 400"),
    # An app registration belongs to the workspace: whoever belongs there may know that it is there.
    Row("admin/app-registrations/<int:app>", "GET", "404 403 403 403 200 200", APP, GONE_APP),
    Row("admin/app-registrations/<int:app>/credential", "GET", "404 403 403 403 200 200", APP, GONE_APP),
    Row("admin/app-registrations/<int:app>/credential", "POST", "404 403 403 403 400 400", APP, GONE_APP),
    Row("admin/consent/<str:token>", "GET", "404", {"token": "no-such-link"}, public=404),
)  # fmt: skip

BACKUP = TENANT | {"backup": "{backup}"}
GONE_BACKUP = TENANT | {"backup": GONE}
ITEM = {"item": "{item}"}
MANAGE_FORM = "404 404 403 403 400 400"

BACKUPS = (
    Row("admin/t/<slug:tenant>/backups", "GET", VIEW, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/backups/import", "GET", MANAGE, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/backups/import", "POST", MANAGE_FORM, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/backups/retention", "GET", VIEW, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/backups/retention", "POST", MANAGE_FORM, TENANT, GONE_TENANT),
    Row("admin/t/<slug:tenant>/backups/<int:backup>", "GET", VIEW, BACKUP, GONE_BACKUP),
    Row("admin/t/<slug:tenant>/backups/<int:backup>/changes", "GET", VIEW, BACKUP, GONE_BACKUP),
    Row("admin/t/<slug:tenant>/backups/<int:backup>/export", "GET", MANAGE, BACKUP, GONE_BACKUP),
    Row("admin/t/<slug:tenant>/backups/<int:backup>/export", "POST", MANAGE_FORM, BACKUP, GONE_BACKUP,
        data={"secrets": "on"}),
    Row("admin/t/<slug:tenant>/backups/<int:backup>/items/<int:item>", "GET", VIEW, BACKUP | ITEM,
        GONE_BACKUP | {"item": GONE}),
    Row("admin/t/<slug:tenant>/backups/live/<int:item>", "GET", VIEW, TENANT | ITEM, TENANT | {"item": GONE}),
    Row("admin/t/<slug:tenant>/backups/diff/<int:before>/<int:after>", "GET", VIEW,
        TENANT | {"before": "{item}", "after": "{item}"}, TENANT | {"before": GONE, "after": GONE}),
    Row("admin/t/<slug:tenant>/backups/objects/<slug:object_type>/<str:object_id>", "GET", VIEW,
        TENANT | {"object_type": "configurationPolicies", "object_id": "policy-1"},
        TENANT | {"object_type": "configurationPolicies", "object_id": "no-such-policy"}),
)  # fmt: skip

SITE = (
    Row("", "GET", "302", public=302),
    Row("livez", "GET", "200", public=200),
    Row("readyz", "GET", "200", public=200),
    Row("metrics", "GET", "404", public=404),
    Row("admin/", "GET", "200"),
    Row("admin/dashboard/live", "GET", "200"),
    Row("admin/dashboard/map", "GET", "200"),
    Row("admin/search", "GET", "200"),
    Row("admin/switch/tenant", "GET", "200"),
    Row("admin/switch/workspace", "GET", "200"),
    Row("admin/operations/days", "GET", "200"),
    Row("admin/operations/export", "GET", "200"),
    Row("admin/tenants/export", "GET", "200"),
    Row("admin/provider-connections/export", "GET", "200"),
    # Without the start that it offers again there is nothing to show; who sees what is asked in tests/console.
    Row("admin/operations/<str:run>/ready", "GET", "404", RUN, GONE_RUN),
    Row("admin/operations/<str:run>/follow", "GET", "404 404 204 204 204 204", RUN, GONE_RUN),
    Row("admin/login/", "GET", "302", public=200),
    # htmx is told to load the sign-in page.
    # htmx is told to load the sign-in page.
    Row("admin/logout/", "POST", "302", fragment=200, public=302),
    Row("admin/password_change/", "GET", "302"),
    Row("admin/password_change/done/", "GET", "302"),
    Row("admin/autocomplete/", "GET", "403"),
    Row("admin/jsi18n/", "GET", "200"),
    Row(
        "admin/r/<path:content_type_id>/<path:object_id>/",
        "GET",
        "404",
        {"content_type_id": 1, "object_id": 1},
    ),
    Row("admin/(?P<url>.*)$", "GET", "404", {"url": "no-such-page"}),
)

PEOPLE_LIST = "200 403 403 403 403 200"
OWNED = "404 403 403 403 403 200"
OWNED_ACT = "404 403 403 403 403 302"
MEMBER = {"member": "{member}"}
GONE_MEMBER = {"member": GONE}
INVITATION = {"invitation": "{invitation}"}
GONE_INVITATION = {"invitation": GONE}

WORKSPACE = (
    Row("admin/people", "GET", PEOPLE_LIST),
    Row("admin/people/export", "GET", PEOPLE_LIST),
    Row("admin/people/invite", "GET", PEOPLE_LIST),
    Row("admin/people/invite", "POST", "400 403 403 403 403 400"),
    Row("admin/retention", "GET", PEOPLE_LIST),
    Row("admin/retention", "POST", "400 403 403 403 403 400"),
    Row("admin/people/<int:member>", "GET", OWNED, MEMBER, GONE_MEMBER),
    Row("admin/people/<int:member>", "POST", "404 403 403 403 403 400", MEMBER, GONE_MEMBER),
    Row(
        "admin/people/<int:member>/tenants/<slug:tenant>", "GET", OWNED, MEMBER | TENANT, GONE_MEMBER | TENANT
    ),
    Row(
        "admin/people/<int:member>/tenants/<slug:tenant>",
        "POST",
        OWNED_ACT,
        MEMBER | TENANT,
        GONE_MEMBER | TENANT,
    ),
    Row("admin/people/<int:member>/disable", "GET", OWNED, MEMBER, GONE_MEMBER),
    Row("admin/people/<int:member>/disable", "POST", OWNED_ACT, MEMBER, GONE_MEMBER),
    Row("admin/people/<int:member>/enable", "POST", OWNED_ACT, MEMBER, GONE_MEMBER),
    Row("admin/people/<int:member>/remove", "GET", OWNED, MEMBER, GONE_MEMBER),
    Row("admin/people/<int:member>/remove", "POST", OWNED_ACT, MEMBER, GONE_MEMBER),
    Row("admin/people/invitations/<int:invitation>/renew", "POST", OWNED, INVITATION, GONE_INVITATION),
    Row("admin/people/invitations/<int:invitation>/withdraw", "GET", OWNED, INVITATION, GONE_INVITATION),
    Row("admin/people/invitations/<int:invitation>/withdraw", "POST", OWNED_ACT, INVITATION, GONE_INVITATION),
    Row("admin/audit", "GET", "200 403 403 403 200 200"),
    Row("admin/audit/export", "GET", "200 403 403 403 200 200"),
)
# Everybody has these for themselves alone.
OWN_THINGS = (
    Row("admin/join/<str:token>", "GET", "404", {"token": "no-such-link"}, public=404),
    Row("admin/join/<str:token>", "POST", "404", {"token": "no-such-link"}, public=404),
    Row("admin/account/password", "GET", "200"),
    Row("admin/account/password", "POST", "400"),
    Row("admin/account/sessions", "GET", "200"),
    Row("admin/account/sessions/<int:session>/end", "POST", "404", {"session": GONE}),
    Row("admin/account/sessions/end-others", "POST", "302"),
    Row("admin/account/session", "GET", "200", public=401),
    Row("admin/tables/<slug:table>", "POST", "302", {"table": "tenants"}),
    Row("admin/notifications", "GET", "200"),
    Row("admin/notifications/bell", "GET", "200"),
    Row("admin/notifications/read", "POST", "302", fragment=200),
    Row("admin/notifications/<int:notice>/read", "POST", "404", {"notice": GONE}),
    Row("admin/notifications/email", "POST", "302"),
)

RECORD_LIST = "200 403 403 403 403 200"
# What belongs to a workspace alone is in sight of the bystander as well.
OF_WORKSPACE = ("tenancy/workspace", "tenancy/membership", "tenancy/invitation", "providers/appregistration")
OF_TENANT = (
    "tenancy/tenant", "tenancy/tenantentitlement", "providers/providerconnection", "providers/directorycollection",
    "providers/directorygroup", "providers/roledefinition", "operations/operationrun", "operations/runevent",
    "operations/notification", "audit/auditentry",
)  # fmt: skip


def _record_rows(model: str) -> tuple[Row, ...]:
    """Every page of one registered model: to look at for owners, to change for nobody."""
    here, one = f"admin/{model}/", f"admin/{model}/<path:object_id>/"
    ids, absent = {"object_id": f"{{{model}}}"}, {"object_id": GONE}
    seen = "403" if model in OF_WORKSPACE else "404"
    opened, kept = f"404 {seen} 403 403 403 200", f"404 {seen} 403 403 403 403"
    return (
        Row(here, "GET", RECORD_LIST),
        Row(f"{here}export/", "GET", RECORD_LIST),
        Row(f"{here}add/", "GET", "403"),
        Row(f"{here}add/", "POST", "403"),
        Row(one, "GET", "302", ids),
        Row(f"{one}change/", "GET", opened, ids, absent),
        Row(f"{one}change/", "POST", kept, ids, absent),
        Row(f"{one}history/", "GET", opened, ids, absent),
        Row(f"{one}delete/", "GET", kept, ids, absent),
        Row(f"{one}delete/", "POST", kept, ids, absent),
    )


RECORDS = {model: _record_rows(model) for model in (*OF_WORKSPACE, *OF_TENANT)}
RECORDS_START = (
    Row("admin/records", "GET", RECORD_LIST),
    Row("admin/^(?P<app_label>tenancy|providers|operations|audit)/$", "GET", "200 404 404 404 404 200",
        {"app_label": "tenancy"}),
)  # fmt: skip

TABLE = (
    *SURFACES, *RESTORES, *LISTS, *PAGES, *BACKUPS, *ONBOARDING, *WORKSPACE, *OWN_THINGS, *RECORDS_START, *SITE,
)  # fmt: skip
