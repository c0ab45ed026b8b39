"""The shapes of what start and run surfaces take and give: the contract's, and the keys that we add."""

from tenantpilot.core.openapi import INTEGER, TEXT, Schema


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _object(required: list[str] | None = None, **properties: Schema) -> Schema:
    shape: Schema = {"type": "object", "properties": properties}
    return {**shape, "required": required} if required else shape


# The contract says ``nullable``, which OpenAPI 3.1 does not know: a key without a value is left out.
OPTIONAL_TEXT: Schema = {**TEXT, "nullable": True}
OPTIONAL_ID: Schema = {**INTEGER, "nullable": True}
OPEN: Schema = {"type": "object", "additionalProperties": True}
MOMENT: Schema = {**TEXT, "format": "date-time"}
NUMBER: Schema = {"type": "number"}

REQUESTS: dict[str, Schema] = {
    "ProviderStartRequest": _object(providerConnectionId=OPTIONAL_ID, sourceSurface=TEXT, targetContext=OPEN),
    "DirectoryGroupsSyncRequest": _object(
        selectionKey={**TEXT, "default": "all_groups_v1"}, providerConnectionId=OPTIONAL_ID
    ),
    "OnboardingProviderStartRequest": _object(providerConnectionId=OPTIONAL_ID, step=TEXT),
    "OnboardingBootstrapStartRequest": _object(
        ["providerConnectionId", "selectedOperations"],
        providerConnectionId=INTEGER,
        selectedOperations={**_list(TEXT), "minItems": 1},
        sourceSurface={**TEXT, "default": "onboarding.bootstrap"},
    ),
}
PARTS: dict[str, Schema] = {
    "ProviderConnectionContext": _object(id=INTEGER, provider=TEXT, label=TEXT),
    "RunReference": _object(id=INTEGER, url=TEXT, status=TEXT),
    "NextStep": _object(
        ["label"], label=TEXT, description=OPTIONAL_TEXT, href=OPTIONAL_TEXT, actionType=OPTIONAL_TEXT
    ),
    "ActionLink": _object(["label", "href"], label=TEXT, href=TEXT, kind=OPTIONAL_TEXT),
}
OUTCOME = _object(
    ["status", "operationType", "operatorMessage"],
    status={**TEXT, "enum": ["accepted", "deduped", "scope_busy", "blocked"]},
    operationType=TEXT,
    operatorVerb=TEXT,
    operatorTarget=TEXT,
    operatorMessage=TEXT,
    shortReason=OPTIONAL_TEXT,
    reasonCode=TEXT,
    providerConnection=_ref("ProviderConnectionContext"),
    run=_ref("RunReference"),
    nextSteps=_list(_ref("NextStep")),
    actions=_list(_ref("ActionLink")),
)
BOOTSTRAP_OUTCOME: Schema = {
    "allOf": [
        _ref("ProviderStartOutcome"),
        _object(acceptedOperation=OPTIONAL_TEXT, pendingOperations=_list(TEXT)),
    ]
}
RUN = _object(
    ["runId", "operationType", "executionStatus"],
    runId=INTEGER,
    operationType=TEXT,
    operatorVerb=TEXT,
    executionStatus=TEXT,
    outcome=OPTIONAL_TEXT,
    providerConnection=_ref("ProviderConnectionContext"),
    protectedScope=OPEN,
    shortReason=OPTIONAL_TEXT,
    reasonCode=TEXT,
    nextSteps=_list(_ref("NextStep")),
    actions=_list(_ref("ActionLink")),
    attempts=INTEGER,
    maxAttempts=INTEGER,
    progress=_object(["done"], stage=TEXT, done=INTEGER, total=INTEGER),
    counts={"type": "object", "additionalProperties": INTEGER},
    failures=_list(_object(["type", "reason"], type=TEXT, count=INTEGER, reason=TEXT, reasonCode=TEXT)),
    cost=_object(requests=INTEGER, retries=INTEGER, throttledSeconds=NUMBER, bytes=INTEGER),
    chain=_object(
        ["chainId", "state", "steps"],
        chainId=INTEGER,
        state=TEXT,
        stateLabel=TEXT,
        reference=TEXT,
        shortReason=TEXT,
        reasonCode=TEXT,
        steps=_list(
            _object(
                ["number", "operationType", "state"],
                number=INTEGER,
                operationType=TEXT,
                operatorVerb=TEXT,
                state=TEXT,
                run=_ref("RunReference"),
                shortReason=TEXT,
                reasonCode=TEXT,
                nextSteps=_list(_ref("NextStep")),
            )
        ),
    ),
    timeline=_list(_object(["at", "label", "tone"], at=MOMENT, label=TEXT, tone=TEXT, detail=TEXT)),
    tenant=_object(["name", "url"], name=TEXT, url=TEXT),
    initiator=_object(["name"], name=TEXT),
    sourceSurface=TEXT,
    createdAt=MOMENT,
    startedAt=MOMENT,
    completedAt=MOMENT,
    diagnosticsAvailable={"type": "boolean"},
    diagnostics=_list(_object(["label", "value"], label=TEXT, value=TEXT)),
)
OUTCOME_SCHEMAS = {**REQUESTS, **PARTS, "ProviderStartOutcome": OUTCOME}
BOOTSTRAP_SCHEMAS = {**OUTCOME_SCHEMAS, "OnboardingBootstrapStartOutcome": BOOTSTRAP_OUTCOME}
RUN_SCHEMAS = {**PARTS, "ProviderBackedRunDetail": RUN}
