"""After a restore somebody else looks: azure-core's own pipeline reads the tenant, and finds what the backup held."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from azure.core import PipelineClient
from azure.core.pipeline.policies import HeadersPolicy, RetryPolicy
from azure.core.rest import HttpRequest

from operations.choices import RunOutcome
from providers import catalogue
from providers.backups.store import content_of
from providers.catalogue import Detail, ObjectType, Query
from providers.catalogue.certificates import LINKS
from providers.models import BackupItem
from providers.objects.canonical import canonical
from providers.restore.references import rewritten
from providers.sandbox.testing import SandboxServer
from tests.providers.conftest import Live
from tests.providers.restoring import back_up, restored
from tests.providers.restoring import live as live
from tests.providers.restoring import quick as quick
from tests.providers.test_restore_execute import RESTORED, renamed, wiped

Content = dict[str, Any]
_PLAIN = Query()


class Reader:
    """Reads objects whole, by the public documentation of their paths, without a line of our own client."""

    def __init__(self, address: str, live: Live) -> None:
        form = {"client_id": live.client_id, "client_secret": live.secret, "grant_type": "client_credentials",
                "scope": "https://graph.microsoft.com/.default"}  # fmt: skip
        url = f"{address}/{live.tenant.entra_tenant_id}/oauth2/v2.0/token"
        token = httpx.post(url, data=form, trust_env=False).json()["access_token"]
        self._client: PipelineClient[Any, Any] = PipelineClient(
            base_url=address,
            policies=[HeadersPolicy({"Authorization": f"Bearer {token}"}), RetryPolicy()],
        )
        self._address = address

    def get(self, kind: ObjectType, path: str, query: Query = _PLAIN) -> Content:
        options = "&".join(f"{name}={quote(value)}" for name, value in query.options().items())
        url = f"{self._address}/{kind.version}{path}" + (f"?{options}" if options else "")
        answer = self._client.send_request(HttpRequest("GET", url))
        assert answer.status_code == 200, (url, answer.text())
        found: Content = answer.json()
        return found

    def all(self, kind: ObjectType, path: str, query: Query = _PLAIN) -> list[Content]:
        page = self.get(kind, path, query)
        found: list[Content] = list(page["value"])
        while link := page.get("@odata.nextLink"):
            page = self._client.send_request(HttpRequest("GET", link)).json()
            found += page["value"]
        return found

    def whole(self, kind: ObjectType, object_id: str) -> Content:
        item = self.get(kind, kind.item_path(object_id), _expanding(kind))
        content: Content = {"object": item}
        for detail in kind.details:
            if not detail.belongs_to(item):
                continue
            content[detail.name] = self._detail(kind, object_id, detail)
        if kind.assignments is not None and kind.assignments.path:
            content["assignments"] = item.pop("assignments", None) or self.all(
                kind, f"{kind.item_path(object_id)}/{kind.assignments.path}"
            )
        return content

    def _detail(self, kind: ObjectType, object_id: str, detail: Detail) -> Any:
        path = detail.path.replace("{id}", object_id)
        path = path if path.startswith("/") else f"{kind.item_path(object_id)}/{path}".rstrip("/")
        if detail.links is not None:
            return self._links(kind, path)
        if detail.single:
            return self.get(kind, path, detail.query)
        found = self.all(kind, path, detail.query)
        if detail.each is None:
            return found
        return [self._each(kind, object_id, element, detail.each) for element in found]

    def _links(self, kind: ObjectType, path: str) -> list[Content]:
        """Property and id of each certificate that the profile leads to."""
        cast = str(self.get(kind, path)["@odata.type"]).removeprefix("#")
        names = LINKS.of[f"#{cast}"]
        item = self.get(kind, path, Query(expand=",".join(f"{cast}/{name}" for name in names)))
        found = {name: item[name] if isinstance(item[name], list) else [item[name]] for name in names}
        return [{"property": name, "id": each["id"]} for name in names for each in found[name] if each]

    def _each(self, kind: ObjectType, object_id: str, element: Content, detail: Detail) -> Content:
        path = detail.path.replace("{each}", str(element["id"]))
        path = path if path.startswith("/") else f"{kind.item_path(object_id)}/{path}"
        if detail.single:
            return self.get(kind, path, detail.query)
        return {**element, detail.name: self.all(kind, path, detail.query)}


def _expanding(kind: ObjectType) -> Query:
    asked = kind.item if kind.read_item else kind.listing
    return Query(select=asked.select, expand=asked.expand)


@pytest.fixture
def found_by_another(sandbox_server: SandboxServer, live: Live) -> Iterator[Reader]:
    yield Reader(sandbox_server.url, live)


def test_another_client_finds_exactly_what_the_backup_held(live: Live, found_by_another: Reader) -> None:
    before = back_up(live)
    wiped(live)
    restore, run = restored(live, before, state_as_backed_up=True)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    old_ids = renamed(restore)
    made = dict(restore.results.values_list("item__key", "remote_id"))
    compared = set()
    for item in before.items.filter(object_type__in=[kind.key for kind in RESTORED]):
        kind = catalogue.get(item.object_type)
        object_id = made.get(f"{kind.key}/{item.object_id}") or item.object_id
        content, _dropped = rewritten(
            kind,
            canonical(kind, found_by_another.whole(kind, object_id)),
            lambda key: old_ids.get(key, key[1]),
        )
        assert canonical(kind, content) == _held(kind, item), (kind.key, item.name)
        compared.add(kind.key)
    assert compared == {kind.key for kind in RESTORED}


def _held(kind: ObjectType, item: BackupItem) -> Content:
    """What the backup holds; values that Graph masks are plain in it, and masked to everybody else."""
    content = content_of(item)
    for setting in content["object"].get("omaSettings") or ():
        if setting.get("isEncrypted"):
            setting["value"] = "****"
    return canonical(kind, content)
