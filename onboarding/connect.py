"""Connect the provider: through the workspace's app registration and consent, or through one that the tenant brings."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from onboarding.links import VALID_FOR
from onboarding.models import ConsentRequest, OnboardingSession
from onboarding.services import acting, audit, certificate_drop
from operations.models import OperationRun
from providers import secrets, services
from providers import sessions as provider
from providers.choices import CredentialKind
from providers.consent import Answer
from providers.graph.clouds import Cloud
from providers.graph.credentials import AppIdentity, ClientCertificate, ClientSecret
from providers.graph.errors import ConsentMissing, GraphError
from providers.models import AppRegistration, MadeCertificate, ProviderConnection
from tenantpilot.tenancy.models import User

# Between two looks for consent, however many windows are open on the session.
LOOK_EVERY = timedelta(seconds=4)


class InUse(Exception):
    """Runs went through the connection already: it stays."""


def use_app(*, session_id: int, version: int, app: AppRegistration, actor: User) -> OnboardingSession:
    """Connect through an app registration of the workspace; consent is asked for next. Raises Overtaken, InUse."""
    with acting(session_id, actor, version) as session:
        assert session.tenant is not None
        _drop_connection(session)
        session.connection = services.connection_create(
            tenant=session.tenant, app_registration=app, label=app.name, actor=actor
        )
        session.connected_at = None
        # The request points to the connection, which is there from here on.
        _request_new(session, session.connection, actor)
    return session


def bring_app(
    *, session_id: int, version: int, app: dict[str, str], credential: dict[str, Any], actor: User
) -> OnboardingSession:
    """Connect through an app registration of the tenant itself, once a sign-in with it has worked.

    Raises Overtaken, InUse, and what ``providers.sessions.try_sign_in`` raises: then nothing is kept.
    """
    tenant_id = OnboardingSession.objects.values_list("entra_tenant_id", flat=True).get(pk=session_id)
    granted = provider.try_sign_in(_identity(str(tenant_id), app["cloud"], app["client_id"], credential))
    with acting(session_id, actor, version) as session:
        assert session.tenant is not None
        _drop_connection(session)
        made = services.app_registration_create(
            workspace=session.workspace, tenant=session.tenant, actor=actor, **app
        )
        services.credential_replace(app_registration=made, actor=actor, **credential)
        session.connection = services.connection_create(
            tenant=session.tenant, app_registration=made, label=made.name, actor=actor
        )
        services.token_seen(connection_id=session.connection.pk, granted_permissions=granted)
        session.connected_at = timezone.now()
        # The app registration has its key now.
        certificate_drop(session)
    return session


def certificate_make(*, session_id: int, version: int, made: tuple[str, str], actor: User) -> MadeCertificate:
    """Keep a certificate for the app registration that the tenant brings. Raises Overtaken."""
    with acting(session_id, actor, version) as session:
        certificate_drop(session)
        session.certificate = services.certificate_made(
            workspace=session.workspace, certificate_pem=made[0], private_key_pem=made[1], actor=actor
        )
        return session.certificate


def made_credential(made: MadeCertificate, expires_at: datetime) -> dict[str, Any]:
    """The arguments for `providers.services.credential_replace` from a certificate that was made here."""
    return {
        "secret": secrets.decrypt(made.private_key_encrypted),
        "certificate_pem": made.certificate_pem,
        "expires_at": expires_at,
    }


def request_new(*, session_id: int, version: int, actor: User) -> ConsentRequest:
    """Give out a new link; what was sent out before stops working. Raises Overtaken."""
    with acting(session_id, actor, version) as session:
        assert session.connection is not None
        return _request_new(session, session.connection, actor)


def request_revoke(*, session_id: int, version: int, actor: User) -> None:
    """Make what was sent out useless. Raises Overtaken."""
    with acting(session_id, actor, version) as session:
        _revoke(session)
        audit("consent_link.revoked", session, actor)


def request_of(session: OnboardingSession) -> ConsentRequest | None:
    """The newest request of the session's connection."""
    rows = session.consent_requests.select_related("connection__app_registration", "connection__tenant")
    return rows.filter(connection=session.connection_id).order_by("-id").first()


def answered(request: ConsentRequest, answer: Answer, actor: User | None) -> None:
    """Keep what the provider said, and when it says granted, look whether it is so.

    Nothing here trusts the answer: anybody who has the link can make one up. An answer after "granted" changes nothing.
    """
    now = timezone.now()
    rows = ConsentRequest.objects.filter(pk=request.pk).exclude(answer=Answer.GRANTED)
    with transaction.atomic():
        if not rows.update(answer=answer, answered_at=now):
            return
        audit("consent.answered", request.session, actor, answer=str(answer))
    if answer is Answer.GRANTED:
        look(request.session, again=True)


def look(session: OnboardingSession, *, again: bool = False) -> bool:
    """Sign in to see whether consent has arrived; say whether it has. Asks at most every few seconds, unless ``again``.

    What else a refused sign-in shows is kept in ``trouble_code``.
    """
    if session.connection_id is None:
        return False
    if session.connected_at is not None and not again:
        return True
    if not again and not _turn(session.pk):
        return False
    connection = ProviderConnection.objects.select_related("app_registration", "tenant").get(
        pk=session.connection_id
    )
    try:
        granted = provider.try_sign_in(provider.identity(connection))
    except ConsentMissing:
        trouble = ""
    except GraphError as refused:
        trouble = refused.reason_code
    except ValueError:
        trouble = "provider.credential_invalid"
    else:
        _arrived(session, connection, granted)
        return True
    if session.trouble_code != trouble:
        OnboardingSession.objects.filter(pk=session.pk).update(trouble_code=trouble)
        session.trouble_code = trouble
    return False


@transaction.atomic
def _arrived(session: OnboardingSession, connection: ProviderConnection, granted: frozenset[str]) -> None:
    services.consent_record(connection=connection, actor=None)
    services.token_seen(connection_id=connection.pk, granted_permissions=granted)
    now = timezone.now()
    OnboardingSession.objects.filter(pk=session.pk, connection=connection).update(
        connected_at=now, trouble_code=""
    )
    session.connected_at, session.trouble_code = now, ""


def _turn(session_id: int) -> bool:
    now = timezone.now()
    due = Q(tried_at=None) | Q(tried_at__lt=now - LOOK_EVERY)
    return bool(OnboardingSession.objects.filter(due, pk=session_id).update(tried_at=now))


def _request_new(session: OnboardingSession, connection: ProviderConnection, actor: User) -> ConsentRequest:
    _revoke(session)
    request = ConsentRequest.objects.create(
        session=session, connection=connection, asked_by=actor, expires_at=timezone.now() + VALID_FOR
    )
    audit("consent_link.created", session, actor, expires_at=request.expires_at)
    return request


def _revoke(session: OnboardingSession) -> None:
    session.consent_requests.filter(revoked_at=None).update(revoked_at=timezone.now())


def _drop_connection(session: OnboardingSession) -> None:
    """Take back a way in that was chosen before and that nothing went through. Raises InUse."""
    old = session.connection
    if old is None:
        return
    if OperationRun.objects.filter(connection=old).exists():
        raise InUse
    session.connection = None
    session.save(update_fields=["connection"])
    drop_unused(old)


def drop_unused(connection: ProviderConnection) -> None:
    """Delete a connection without runs, and the app registration that only it used and its tenant owns."""
    app = connection.app_registration
    connection.delete()
    if app.tenant_id is not None and not app.connections.exists():
        app.delete()


def _identity(tenant_id: str, cloud: str, client_id: str, credential: dict[str, Any]) -> AppIdentity:
    secret, certificate = credential["secret"], credential.get("certificate_pem", "")
    return AppIdentity(
        cloud=Cloud(cloud),
        tenant_id=tenant_id,
        client_id=client_id,
        credential=ClientCertificate(private_key_pem=secret, certificate_pem=certificate)
        if certificate
        else ClientSecret(secret),
        cache_key="trial",
    )


def kind_of(made: MadeCertificate | None, asked: str) -> str:
    """Which credential form to draw: the certificate made here when there is one and nothing else was asked for."""
    known = {each.value for each in CredentialKind}
    return asked if asked in known else "made" if made is not None else CredentialKind.SECRET
