"""What is peculiar about single types: what the service refuses, fills in and protects."""

from providers.sandbox.policies.rules.access import (
    AuthenticationContext,
    AuthenticationStrength,
    ConditionalAccess,
    NamedLocation,
)
from providers.sandbox.policies.rules.apps import (
    AppConfiguration,
    AppProtection,
    Branding,
    MobileApp,
    PolicySet,
)
from providers.sandbox.policies.rules.base import Rules
from providers.sandbox.policies.rules.catalog import CompliancePolicy, ConfigurationPolicy, ReusableSetting
from providers.sandbox.policies.rules.device import (
    Compliance,
    DeviceConfiguration,
    DriverUpdates,
    FeatureUpdates,
    GlobalScript,
    QualityUpdates,
    UploadedDefinitions,
)
from providers.sandbox.policies.rules.service import (
    Autopilot,
    Enrolment,
    Filter,
    MessageTemplate,
    RoleAssignment,
    ScopeTag,
)
from providers.sandbox.policies.table import ObjectType

_RULES: dict[str, type[Rules]] = {
    "roleScopeTags": ScopeTag,
    "assignmentFilters": Filter,
    "notificationMessageTemplates": MessageTemplate,
    "groupPolicyUploadedDefinitionFiles": UploadedDefinitions,
    "authenticationStrengthPolicies": AuthenticationStrength,
    "authenticationContextClassReferences": AuthenticationContext,
    "namedLocations": NamedLocation,
    "mobileApps": MobileApp,
    "reusablePolicySettings": ReusableSetting,
    "deviceConfigurations": DeviceConfiguration,
    "configurationPolicies": ConfigurationPolicy,
    "deviceCompliancePolicies": Compliance,
    "compliancePolicies": CompliancePolicy,
    "deviceHealthScripts": GlobalScript,
    "deviceEnrollmentConfigurations": Enrolment,
    "windowsAutopilotDeploymentProfiles": Autopilot,
    "windowsFeatureUpdateProfiles": FeatureUpdates,
    "windowsQualityUpdateProfiles": QualityUpdates,
    "windowsDriverUpdateProfiles": DriverUpdates,
    "mobileAppConfigurations": AppConfiguration,
    "iosManagedAppProtections": AppProtection,
    "androidManagedAppProtections": AppProtection,
    "windowsManagedAppProtections": AppProtection,
    "targetedManagedAppConfigurations": AppProtection,
    "intuneBrandingProfiles": Branding,
    "conditionalAccessPolicies": ConditionalAccess,
    "policySets": PolicySet,
    "roleAssignments": RoleAssignment,
}


def of(kind: ObjectType) -> Rules:
    return _RULES.get(kind.key, Rules)(kind)
