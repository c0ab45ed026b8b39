"""Which profiles lead to certificates, that is to other device configurations, and under which property.

From the published schemas. What they leave out and the documentation names is in ``UNREAD``: the plan warns of it.
"""

from collections.abc import Iterator

from providers.catalogue.model import Links

_PREFIX = "#microsoft.graph."
_ROOT, _IDENTITY = "rootCertificate", "identityCertificate"
_CLIENT, _SERVERS = "identityCertificateForClientAuthentication", "rootCertificatesForServerValidation"
_ANDROID = ("android", "androidDeviceOwner", "androidForWork", "androidWorkProfile")
_AOSP = "aospDeviceOwner"


def _of() -> Iterator[tuple[str, tuple[str, ...]]]:
    for platform in (*_ANDROID, _AOSP, "ios", "macOS"):
        yield f"{platform}ScepCertificateProfile", (_ROOT,)
    for platform in (*_ANDROID, _AOSP):
        yield f"{platform}PkcsCertificateProfile", (_ROOT,)
    for platform in ("android", "androidDeviceOwner", "androidForWork"):
        yield f"{platform}ImportedPFXCertificateProfile", (_ROOT,)
    for platform in ("windows81", "windowsPhone81"):
        yield f"{platform}SCEPCertificateProfile", (_ROOT,)
    for platform in (*_ANDROID, "ios", "iosikEv2", "macOS", "windows10", "windowsPhone81"):
        yield f"{platform}VpnConfiguration", (_IDENTITY,)
    for name in (
        "androidEasEmailProfileConfiguration",
        "iosEasEmailProfileConfiguration",
        *(
            f"android{work}{app}EasConfiguration"
            for work in ("ForWork", "WorkProfile")
            for app in ("Gmail", "NineWork")
        ),
    ):
        yield name, (_IDENTITY,)
    for platform in ("android", "androidForWork", "androidWorkProfile", _AOSP):
        yield f"{platform}EnterpriseWiFiConfiguration", (_CLIENT,)
    for name in (
        "iosDeviceFeaturesConfiguration",
        "iosWiredNetworkConfiguration",
        "macOSWiredNetworkConfiguration",
    ):
        yield name, (_CLIENT,)
    for name in (
        "androidDeviceOwnerEnterpriseWiFiConfiguration",
        "iosEnterpriseWiFiConfiguration",
        "macOSEnterpriseWiFiConfiguration",
        "windowsWifiEnterpriseEAPConfiguration",
        "windowsWiredNetworkConfiguration",
    ):
        yield name, (_CLIENT, _SERVERS)
    yield "windowsZtdnsConfiguration", (_SERVERS,)


LINKS = Links({_PREFIX + name: properties for name, properties in _of()}, many=frozenset({_SERVERS}))

UNREAD = frozenset(
    {
        *(f"{platform}EnterpriseWiFiConfiguration" for platform in
          ("android", "androidForWork", "androidWorkProfile", _AOSP)),
        "androidEasEmailProfileConfiguration", "iosEasEmailProfileConfiguration", "iosWiredNetworkConfiguration",
        "macOSWiredNetworkConfiguration", "windowsWifiEnterpriseEAPConfiguration", "windowsWiredNetworkConfiguration",
    }
)  # fmt: skip
"""Types with further links: a single root for servers, roots for clients, second identities, and those of S/MIME."""
