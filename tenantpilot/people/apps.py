from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "tenantpilot.people"
    label = "people"
    verbose_name = "People"
