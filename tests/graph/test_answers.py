"""Raw answers to failures: Graph's two error styles, Retry-After, redaction, and the one table."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from providers.graph import errors
from providers.graph.answers import error_from, retry_after_seconds
from providers.graph.raw_codes import RAW_CODES
from providers.graph.redaction import redacted
from tenantpilot.core.reasons import get

INTUNE_403 = json.dumps(
    {
        "_version": 3,
        "Message": "Application is not authorized to perform this operation. Application must have one of the "
        "following scopes: DeviceManagementRBAC.Read.All, DeviceManagementRBAC.ReadWrite.All - Operation ID "
        "(for customer support): 00000000-0000-0000-0000-000000000000 - Activity ID: 7011 - Url: https://fef",
        "CustomApiErrorPhrase": "",
        "RetryAfter": None,
    }
)


def failure(status, code="", message="", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"error": {"code": code, "message": message, "innerError": {"request-id": "inner"}}}
    return error_from(status, named, body, client_request_id="mine")


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "reason", "transient"),
    [
        (401, "InvalidAuthenticationToken", "", errors.Unauthorized, "provider.credential_invalid", False),
        (403, "Authorization_RequestDenied", "", errors.Forbidden, "provider.permission_missing", False),
        (403, "AccessDenied", "", errors.Forbidden, "provider.permission_missing", False),
        (403, "Forbidden", INTUNE_403, errors.Forbidden, "provider.permission_missing", False),
        (
            403,
            "Forbidden",
            "required scopes are missing",
            errors.Forbidden,
            "provider.permission_missing",
            False,
        ),
        (403, "Forbidden", "No licence.", errors.Forbidden, "provider.licence_missing", False),
        (404, "Request_ResourceNotFound", "", errors.NotFound, "provider.response_invalid", False),
        (400, "Request_BadRequest", "", errors.BadRequest, "provider.response_invalid", False),
        (409, "Conflict", "", errors.BadRequest, "provider.response_invalid", False),
        (410, "syncStateNotFound", "", errors.DeltaExpired, "provider.response_invalid", False),
        (429, "TooManyRequests", "", errors.Throttled, "provider.throttled", True),
        (429, "", "", errors.Throttled, "provider.throttled", True),
        (500, "InternalServerError", "", errors.ServerError, "provider.unreachable", True),
        (501, "NotImplemented", "", errors.ServerError, "provider.unreachable", False),
        (503, "ServiceUnavailable", "", errors.ServerError, "provider.unreachable", True),
        (504, "", "", errors.ServerError, "provider.unreachable", True),
        (302, "", "", errors.ResponseInvalid, "provider.response_invalid", False),
    ],
)
def test_answer_becomes_the_failure_it_stands_for(status, code, message, kind, reason, transient):
    found = failure(status, code, message)
    assert type(found) is kind
    assert (found.reason_code, found.transient, found.status) == (reason, transient, status)


def test_permissions_are_cut_out_of_intunes_message_in_a_message():
    found = failure(403, "Forbidden", INTUNE_403)
    assert found.scopes == ("DeviceManagementRBAC.Read.All", "DeviceManagementRBAC.ReadWrite.All")
    assert found.message.startswith("Application is not authorized")


@pytest.mark.parametrize("message", ["{", "{}", '{"Message": 3}', "[1]", ""])
def test_broken_message_in_a_message_is_taken_as_text(message):
    assert failure(403, "Forbidden", message).message == message


@pytest.mark.parametrize(
    "body", [None, [], "text", {}, {"error": "x"}, {"error": {"code": 3, "message": [], "innerError": []}}]
)
def test_error_body_of_any_shape_is_understood_by_its_status(body):
    assert isinstance(error_from(500, {}, body, client_request_id="mine"), errors.ServerError)


def test_both_ids_of_a_request_are_kept_for_diagnostics():
    assert failure(500).request_id == "inner"
    found = failure(500, request_id="outer")
    assert (found.request_id, found.client_request_id) == ("outer", "mine")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("17", 17), ("2.128", 2.128), ("0", 0), ("", None), (None, None), ("-3", None), ("nan", None),
        ("inf", None), ("soon", None), ("1e9", 86400),
    ],
)  # fmt: skip
def test_retry_after_in_every_spelling(value, seconds):
    assert retry_after_seconds(value) == seconds


def test_retry_after_as_a_date_counts_from_now():
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 50 < retry_after_seconds(date) <= 60


def test_table_of_raw_codes_is_unambiguous_and_speaks_the_catalogues_reasons():
    raws = [row.raw for row in RAW_CODES]
    assert len(raws) == len(set(raws))
    assert [get(row.reason).code for row in RAW_CODES] == [row.reason for row in RAW_CODES]


@pytest.mark.parametrize(
    "secret",
    [
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwcyJ9.c2lnbmF0dXJl",
        "Bearer abcdefghijklmnopqrstuvwxyz",
        "client_secret=abc~def",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----",
    ],
)
def test_message_never_carries_a_token_or_key(secret):
    shown = str(errors.GraphError(f"before {secret} after"))
    assert secret not in shown
    assert secret.split("=")[-1] not in shown
    assert shown.startswith("before")


def test_known_secret_is_hidden_in_every_spelling():
    assert redacted("a p+q/r b p%2Bq%2Fr c", "p+q/r") == "a [redacted] b [redacted] c"


def test_stopped_is_not_taken_for_a_failure():
    assert not issubclass(errors.Stopped, errors.GraphError)


def test_multi_admin_approval_is_told_from_a_missing_licence():
    text = "This operation requires multi admin approval. Send a justification to request it."
    body = {"error": {"code": "Forbidden", "message": text}}
    assert error_from(403, {}, body, client_request_id="c").reason_code == "provider.approval_required"
