"""Is this process alive, and is what it stands on there?"""

import structlog
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

log = structlog.get_logger(__name__)

_migrated = False


@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """Answer while the process serves requests, whatever is wrong around it."""
    return _fresh(JsonResponse({"status": "alive"}))


def database_answers() -> bool:
    """Say whether the database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        log.warning("database_away", error=type(error).__name__)
        return False
    return True


def migrations_applied() -> bool:
    """Say whether the schema is the one of this code. Once true it is not asked again: code does not change."""
    global _migrated
    if _migrated:
        return True
    try:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return False
    return _migrated


def report(checks: dict[str, bool], **facts: object) -> JsonResponse:
    """Answer 200 when every check is true, else 503."""
    ready = all(checks.values())
    body = {"status": "ready" if ready else "not_ready", "checks": checks, **facts}
    return _fresh(JsonResponse(body, status=200 if ready else 503))


def _fresh(response: JsonResponse) -> JsonResponse:
    response["Cache-Control"] = "no-store"
    return response
