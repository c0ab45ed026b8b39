"""Tenants chosen in their list: plain check boxes, a bar that starts one operation on all of them, and "Select all"."""

import re

import pytest

from operations.models import OperationRun
from tests.console.rows import make_tenants, signed_in, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]

LIST = "/admin/tenants"


def boxes(text: str) -> list[tuple[str, bool]]:
    """Each check box of a row, as slug and whether it is set."""
    found = re.findall(r'<input type="checkbox" name="tenant" value="([\w-]+)"([^>]*)>', text)
    return [(slug, " checked" in rest) for slug, rest in found]


def hidden(text: str) -> list[str]:
    return re.findall(r'<input type="hidden" name="tenant" value="([\w-]+)">', text)


def test_every_row_has_a_named_box_of_the_one_form(world):
    text = text_of(signed_in(world.operator).get(LIST))
    assert boxes(text) == [("contoso", False)]
    assert 'form="tp-selection"' in text and ">Select Contoso</span>" in text
    assert (
        '<button class="tp-btn" name="operation" value="provider.connection.check">Check connection</button>'
        in text
    )


def test_who_may_start_nothing_selects_nothing(world):
    text = text_of(signed_in(world.readonly).get(LIST))
    assert "tp-selection" not in text and boxes(text) == []


def test_select_all_takes_the_other_pages_and_the_filters_along(world):
    make_tenants(world.workspace, world.owner, 60)
    client = signed_in(world.owner)
    first = text_of(client.get(f"{LIST}?size=25&health=new"))
    assert 'href="?size=25&amp;health=new&amp;select=all">Select all 60</a>' in first
    text = text_of(client.get(f"{LIST}?size=25&health=new&select=all"))
    assert len(boxes(text)) == 25 and all(checked for _slug, checked in boxes(text))
    chosen = {slug for slug, _checked in boxes(text)} | set(hidden(text))
    assert len(hidden(text)) == 35 and len(chosen) == 60 and "contoso" not in chosen
    assert "60 selected." in text and 'href="/admin/tenants?size=25&amp;health=new" data-tp-clear' in text


def test_no_more_is_chosen_than_one_start_takes(world, monkeypatch):
    monkeypatch.setattr("providers.views.selection.MOST", 30)
    make_tenants(world.workspace, world.owner, 40)
    client = signed_in(world.owner)
    assert "Select all 30</a>" in text_of(client.get(f"{LIST}?size=25"))
    text = text_of(client.get(f"{LIST}?size=25&select=all"))
    assert len(boxes(text)) + len(hidden(text)) == 30


def test_the_form_starts_what_it_says_without_javascript(world):
    client = signed_in(world.operator)
    text = text_of(client.get(LIST))
    action = re.search(r'<form id="tp-selection"[^>]* action="([^"]+)"', text)
    assert action is not None
    answer = client.post(action[1], {"tenant": ["contoso"], "operation": "provider.connection.check"})
    assert answer.status_code == 303
    assert OperationRun.objects.get().operation_type == "provider.connection.check"
    assert "1 queued." in text_of(client.get(answer["Location"]))
