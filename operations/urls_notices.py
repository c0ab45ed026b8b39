"""Paths of the bell and its list."""

from django.urls import path

from operations import views_notices
from tenantpilot.console.pages import page_path

urlpatterns = [
    *page_path("notifications", views_notices.notice_list, "notifications"),
    path("notifications/bell", views_notices.bell, name="notification_bell"),
    path("notifications/read", views_notices.read_all, name="notifications_read"),
    path("notifications/<int:notice>/read", views_notices.read_one, name="notification_read"),
    path("notifications/email", views_notices.email, name="notification_email"),
]
