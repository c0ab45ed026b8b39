"""The documented reasons are the ones that the product has."""

import re

from django.conf import settings

from operations import catalogue
from tenantpilot.core import reasons


def test_the_page_of_reasons_is_up_to_date():
    kept = (settings.BASE_DIR / "docs" / "reasons.md").read_text()
    assert kept == catalogue.page(), "run manage.py reasons_table"


def test_every_step_leads_to_a_place_that_addresses_know():
    places = {"", "connection_add", "connection", "connection_secret", "connection_consent", "tenant_edit", "tenant",
              "run", "operations", "restore_run", "onboarding_session"}  # fmt: skip
    for reason in reasons.all_reasons():
        assert {step.route for step in reason.next_steps} <= places, reason.code


def test_action_types_are_words_with_underscores():
    listed = re.findall(r"`actionType` of a next step: (.*)", catalogue.page())[0]
    assert all(re.fullmatch(r"`[a-z]+(_[a-z]+)*`", name) for name in listed.split(", "))
