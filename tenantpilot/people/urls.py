"""Paths of people, of one's own account, and of the invitation link."""

from django.urls import path

from tenantpilot.console.pages import page_path
from tenantpilot.people import account, invitations, join, members, person, retention

urlpatterns = [
    *page_path("people", members.people, "people"),
    path("people/export", members.people_export, name="people_export"),
    *page_path("people/invite", invitations.invite, "people_invite"),
    *page_path("people/<int:member>", person.person, "person"),
    *page_path("people/<int:member>/tenants/<slug:tenant>", person.person_tenant, "person_tenant"),
    *page_path("people/<int:member>/disable", person.person_disable, "person_disable"),
    path("people/<int:member>/enable", person.person_enable, name="person_enable"),
    *page_path("people/<int:member>/remove", person.person_remove, "person_remove"),
    path("people/invitations/<int:invitation>/renew", invitations.renew, name="invitation_renew"),
    *page_path("people/invitations/<int:invitation>/withdraw", invitations.withdraw, "invitation_withdraw"),
    *page_path("retention", retention.workspace_retention, "workspace_retention"),
    path("join/<str:token>", join.join, name="join"),
    *page_path("account/password", account.password, "account_password"),
    *page_path("account/sessions", account.sessions_page, "account_sessions"),
    path("account/sessions/<int:session>/end", account.session_end, name="account_session_end"),
    path("account/sessions/end-others", account.sessions_end_others, name="account_sessions_end_others"),
    path("account/session", account.session_state, name="account_session"),
]
