"""A start's outcome as a message: shown on the next page after a plain form post."""

import json
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest

OUTCOME_TAG = "outcome"

_LEVELS = {
    "accepted": messages.SUCCESS,
    "deduped": messages.INFO,
    "scope_busy": messages.WARNING,
    "blocked": messages.ERROR,
}


def add_outcome(request: HttpRequest, outcome: Mapping[str, Any]) -> None:
    """Show the serialised outcome, panel and buttons included, on the next page this person opens."""
    text = json.dumps(outcome, cls=DjangoJSONEncoder)
    messages.add_message(request, _LEVELS[outcome["status"]], text, extra_tags=OUTCOME_TAG)
