"""The object types the sandbox serves, one entry each; the engine and the routes follow from them.

A new type is an entry here and a sample in `data/samples.json`; what is peculiar about it goes to `rules`.
"""

from dataclasses import dataclass, field

from providers.sandbox.errors import IDENTITY, INTUNE

BETA = ("beta",)
BOTH = ("v1.0", "beta")
GRAPH = "microsoft.graph."
# What the service owns on every object: refused in the body of a write.
ALWAYS_COMPUTED = frozenset(
    ("id", "createdDateTime", "lastModifiedDateTime", "modifiedDateTime", "version", "isAssigned",
     "supportsScopeTags", "assignments")
)  # fmt: skip
TAG_NAMES = ("roleScopeTagIds", "roleScopeTags")


@dataclass(frozen=True)
class Statuses:
    """What a successful write answers with; a reply of 204 has no body."""

    create: int = 201
    update: int = 200
    delete: int = 200
    assign: int = 200


@dataclass(frozen=True)
class ObjectType:
    """`path` is the collection; `type` the declared type without namespace.

    `computed` and `immutable` are refused on creation and on change, `deep` may be written with the object,
    `children` can be read with `$expand` or on a path of their own.
    """

    key: str
    path: str
    type: str
    permission: str
    versions: tuple[str, ...] = BETA
    style: str = INTUNE
    name: str = "displayName"
    required: tuple[str, ...] = ("displayName",)
    computed: tuple[str, ...] = ()
    immutable: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    deep: tuple[str, ...] = ()
    assign: str | None = "assignments"
    assign_mark: str = "_"
    statuses: Statuses = field(default_factory=Statuses)
    methods: tuple[str, ...] = ("POST", "PATCH", "DELETE")
    together: tuple[str, ...] = ()
    identifier: str = "{}"
    page: int = 1000
    cosmos: bool = False
    null_in_list: tuple[str, ...] = ()
    absent_in_list: tuple[str, ...] = ()
    expand_in_list: bool = True
    typed: bool = False
    say_type: bool = False
    accept_computed: tuple[str, ...] = ()
    catalogue: bool = True

    @property
    def full_type(self) -> str:
        return GRAPH + self.type

    @property
    def readers(self) -> tuple[str, ...]:
        """Permissions any of which opens reading."""
        found = [f"{name}.Read.All" for name in self.permission.split()]
        return (*found, *self.writers)

    @property
    def writers(self) -> tuple[str, ...]:
        return tuple(f"{name}.ReadWrite.All" for name in self.permission.split())


_CONFIG = "DeviceManagementConfiguration"
_APPS = "DeviceManagementApps"
_SERVICE = "DeviceManagementServiceConfig"
_SCRIPTS = "DeviceManagementScripts"
_RBAC = "DeviceManagementRBAC"
_MANAGEMENT, _APP_MANAGEMENT, _ACCESS = (
    "deviceManagement",
    "deviceAppManagement",
    "identity/conditionalAccess",
)
_SCRIPT_RUNS = ("deviceRunStates", "userRunStates", "runSummary", "groupAssignments")
_ASSIGNMENTS = ("assignments",)
_SILENT = Statuses(update=204, delete=204, assign=204)


def _managed(key: str, type_name: str, permission: str = _CONFIG, **values: object) -> ObjectType:
    return ObjectType(key, f"{_MANAGEMENT}/{key}", type_name, permission, **values)  # type: ignore[arg-type]


def _app(key: str, type_name: str, permission: str = _APPS, **values: object) -> ObjectType:
    return ObjectType(key, f"{_APP_MANAGEMENT}/{key}", type_name, permission, **values)  # type: ignore[arg-type]


def _access(key: str, type_name: str, path: str, permission: str, **values: object) -> ObjectType:
    silent: dict[str, object] = {"style": IDENTITY, "versions": BOTH, "assign": None, "statuses": _SILENT}
    return ObjectType(key, path, type_name, permission, **silent | values)  # type: ignore[arg-type]


def _script(key: str, type_name: str, body_key: str, **values: object) -> ObjectType:
    common: dict[str, object] = {
        "assign": body_key, "assign_mark": ":", "children": _ASSIGNMENTS, "computed": _SCRIPT_RUNS,
        "required": ("displayName", "scriptContent", "fileName"), "null_in_list": ("scriptContent",),
    }  # fmt: skip
    return _managed(key, type_name, _SCRIPTS, **(common | values))


def _protection(key: str, type_name: str, **values: object) -> ObjectType:
    common: dict[str, object] = {
        "versions": BOTH, "statuses": _SILENT, "identifier": "T_{}", "children": ("assignments", "apps"),
        "computed": ("apps", "deployedAppCount", "deploymentSummary"), "typed": True,
    }  # fmt: skip
    return _app(key, type_name, _APPS, **(common | values))


TYPES: tuple[ObjectType, ...] = (
    _managed("roleScopeTags", "roleScopeTag", f"{_CONFIG} {_RBAC}", computed=("isBuiltIn", "permissions"),
             children=_ASSIGNMENTS, expand_in_list=False, identifier="number"),
    _managed("assignmentFilters", "deviceAndAppManagementAssignmentFilter", assign=None, computed=("payloads",),
             required=("displayName", "platform", "rule"),
             immutable=("platform", "assignmentFilterManagementType")),
    _managed("notificationMessageTemplates", "notificationMessageTemplate", _SERVICE, versions=BOTH,
             assign=None, computed=("defaultLocale", "localizedNotificationMessages"),
             children=("localizedNotificationMessages",)),
    _managed("groupPolicyUploadedDefinitionFiles", "groupPolicyUploadedDefinitionFile", assign=None,
             name="fileName", required=("fileName", "content"), methods=("POST", "DELETE"),
             computed=("languageCodes", "targetPrefix", "targetNamespace", "policyType", "revision", "status",
                       "uploadDateTime")),
    _access("authenticationStrengthPolicies", "authenticationStrengthPolicy",
            "policies/authenticationStrengthPolicies", "",
            required=("displayName", "allowedCombinations"), children=("combinationConfigurations",),
            computed=("policyType", "requirementsSatisfied", "combinationConfigurations"),
            immutable=("allowedCombinations",)),
    _access("authenticationContextClassReferences", "authenticationContextClassReference",
            f"{_ACCESS}/authenticationContextClassReferences", "", methods=("PATCH", "DELETE"),
            identifier="c"),
    _access("namedLocations", "namedLocation", f"{_ACCESS}/namedLocations", "",
            say_type=True, together=("Policy.Read.All",)),
    _app("mobileApps", "mobileApp", versions=BOTH, assign="mobileAppAssignments",
         statuses=Statuses(update=200, delete=204), children=("assignments", "categories"),
         absent_in_list=("roleScopeTagIds",),
         computed=("uploadState", "publishingState", "dependentAppCount", "supersedingAppCount",
                   "supersededAppCount", "committedContentVersion", "size", "categories", "relationships")),
    _managed("reusablePolicySettings", "deviceManagementReusablePolicySetting", assign=None,
             required=("displayName", "settingDefinitionId", "settingInstance"),
             methods=("POST", "PUT", "DELETE"), statuses=Statuses(update=204),
             absent_in_list=("settingInstance",),
             computed=("referencingConfigurationPolicies", "referencingConfigurationPolicyCount")),
    _managed("deviceComplianceScripts", "deviceComplianceScript", _SCRIPTS, assign=None,
             required=("displayName", "detectionScriptContent"), null_in_list=("detectionScriptContent",),
             accept_computed=("version",)),
    _managed("deviceCategories", "deviceCategory", f"{_CONFIG} DeviceManagementManagedDevices", versions=BOTH,
             assign=None),
    _managed("termsAndConditions", "termsAndConditions", _SERVICE, versions=BOTH, assign=None,
             required=("displayName", "title", "bodyText", "acceptanceStatement"), children=_ASSIGNMENTS,
             computed=("acceptanceStatuses", "groupAssignments"), expand_in_list=False),
    _managed("deviceConfigurations", "deviceConfiguration", versions=BOTH, children=_ASSIGNMENTS, say_type=True,
             statuses=Statuses(update=200, delete=200),
             computed=("deviceStatuses", "userStatuses", "deviceStatusOverview", "userStatusOverview",
                       "deviceSettingStateSummaries", "groupAssignments", "privacyAccessControls"),
             immutable=("qualityUpdatesPauseStartDate", "featureUpdatesPauseStartDate",
                        "qualityUpdatesWillBeRolledBack", "featureUpdatesWillBeRolledBack")),
    _managed("groupPolicyConfigurations", "groupPolicyConfiguration", children=("assignments", "definitionValues"),
             statuses=Statuses(delete=204), computed=("definitionValues", "policyConfigurationIngestionType")),
    _managed("configurationPolicies", "deviceManagementConfigurationPolicy", name="name",
             required=("name", "platforms", "technologies", "settings"), children=("assignments", "settings"),
             deep=("settings",), methods=("POST", "PATCH", "PUT", "DELETE"), page=25, cosmos=True,
             computed=("settingCount", "creationSource", "priorityMetaData"),
             immutable=("settings", "platforms", "technologies", "templateReference")),
    _managed("intents", "deviceManagementIntent", children=("assignments", "settings", "categories"),
             methods=("PATCH", "DELETE"), statuses=Statuses(update=200, assign=204),
             computed=("settings", "isMigratingToConfigurationPolicy"), immutable=("templateId",)),
    _managed("deviceCompliancePolicies", "deviceCompliancePolicy", versions=BOTH,
             required=("displayName", "scheduledActionsForRule"),
             children=("assignments", "scheduledActionsForRule"),
             deep=("scheduledActionsForRule", "scheduledActionConfigurations"),
             immutable=("scheduledActionsForRule",), computed=("deviceStatusOverview",)),
    _managed("compliancePolicies", "deviceManagementCompliancePolicy", name="name",
             required=("name", "platforms", "technologies", "settings"),
             children=("assignments", "settings", "scheduledActionsForRule"),
             deep=("settings", "scheduledActionsForRule", "scheduledActionConfigurations"),
             methods=("POST", "PATCH", "PUT", "DELETE"), computed=("settingCount", "creationSource"),
             immutable=("scheduledActionsForRule", "settings", "platforms", "technologies")),
    _script("deviceManagementScripts", "deviceManagementScript", "deviceManagementScriptAssignments"),
    _script("deviceShellScripts", "deviceShellScript", "deviceManagementScriptAssignments"),
    _script("deviceCustomAttributeShellScripts", "deviceCustomAttributeShellScript",
            "deviceManagementScriptAssignments",
            immutable=("customAttributeName", "customAttributeType", "displayName")),
    _script("deviceHealthScripts", "deviceHealthScript", "deviceHealthScriptAssignments",
            required=("displayName", "detectionScriptContent"),
            null_in_list=("detectionScriptContent", "remediationScriptContent"), accept_computed=("version",),
            computed=("isGlobalScript", "highestAvailableVersion", "deviceHealthScriptType", *_SCRIPT_RUNS)),
    _managed("deviceEnrollmentConfigurations", "deviceEnrollmentConfiguration", _SERVICE, versions=BOTH,
             assign="enrollmentConfigurationAssignments", children=_ASSIGNMENTS,
             computed=("priority", "deviceEnrollmentConfigurationType", "windowsMobileRestriction"),
             immutable=("platformType",), identifier="enrolment"),
    _managed("windowsAutopilotDeploymentProfiles", "windowsAutopilotDeploymentProfile", _SERVICE, assign=None,
             assign_mark=":", children=_ASSIGNMENTS, immutable=("managementServiceAppId",),
             computed=("enableWhiteGlove", "extractHardwareHash", "language", "outOfBoxExperienceSettings",
                       "enrollmentStatusScreenSettings", "assignedDevices")),
    _managed("windowsFeatureUpdateProfiles", "windowsFeatureUpdateProfile", children=_ASSIGNMENTS,
             required=("displayName", "featureUpdateVersion"),
             computed=("deployableContentDisplayName", "endOfSupportDate", "deviceUpdateStates")),
    _managed("windowsQualityUpdateProfiles", "windowsQualityUpdateProfile", children=_ASSIGNMENTS,
             computed=("releaseDateDisplayName", "deployableContentDisplayName")),
    _managed("windowsQualityUpdatePolicies", "windowsQualityUpdatePolicy", children=_ASSIGNMENTS,
             statuses=Statuses(update=200, delete=204)),
    _managed("windowsDriverUpdateProfiles", "windowsDriverUpdateProfile", children=_ASSIGNMENTS,
             required=("displayName", "approvalType"), immutable=("approvalType",),
             computed=("deviceReporting", "newUpdates", "inventorySyncStatus", "driverInventories")),
    _app("mobileAppConfigurations", "managedDeviceMobileAppConfiguration", versions=BOTH,
         children=_ASSIGNMENTS, statuses=Statuses(update=204, delete=200), say_type=True,
         computed=("deviceStatuses", "userStatuses", "deviceStatusSummary", "userStatusSummary")),
    _protection("iosManagedAppProtections", "iosManagedAppProtection"),
    _protection("androidManagedAppProtections", "androidManagedAppProtection"),
    _protection("windowsManagedAppProtections", "windowsManagedAppProtection", versions=BETA),
    _protection("targetedManagedAppConfigurations", "targetedManagedAppConfiguration", identifier="A_{}",
                typed=False, children=("assignments", "apps", "settings"), deep=("settings",)),
    _managed("intuneBrandingProfiles", "intuneBrandingProfile", _APPS, name="profileName",
             required=("profileName", "displayName"), children=_ASSIGNMENTS,
             statuses=Statuses(update=200, delete=204),
             absent_in_list=("landingPageCustomizedImage", "lightBackgroundLogo", "themeColorLogo"),
             computed=("isDefaultProfile", "disableClientTelemetry")),
    _access("conditionalAccessPolicies", "conditionalAccessPolicy", f"{_ACCESS}/policies",
            "", required=("displayName", "state", "conditions"), deep=("authenticationStrength",),
            computed=("templateId", "partialEnablementStrategy"),
            together=("Policy.Read.All", "Application.Read.All")),
    _app("policySets", "policySet", _CONFIG, assign=None, children=("assignments", "items"),
         deep=("items", "assignments"), methods=("POST", "DELETE"), expand_in_list=False,
         computed=("status", "errorCode"), statuses=Statuses(delete=204), accept_computed=("assignments",)),
    _managed("roleAssignments", "roleAssignment", _RBAC, versions=BOTH, assign=None,
             children=("roleDefinition", "roleScopeTags"), statuses=Statuses(delete=204), catalogue=False,
             computed=("scopeMembers", "roleScopeTagIds")),
    _managed("templates", "deviceManagementTemplate", assign=None, methods=(), catalogue=False),
    _managed("groupPolicyDefinitions", "groupPolicyDefinition", assign=None, methods=(), catalogue=False,
             children=("presentations",)),
    _app("mobileAppCategories", "mobileAppCategory", versions=BOTH, assign=None, methods=(), catalogue=False),
    _managed("managedDevices", "managedDevice", "DeviceManagementManagedDevices", versions=BOTH, assign=None,
             name="deviceName", methods=("PATCH", "DELETE"), catalogue=False,
             statuses=Statuses(update=204, delete=204)),
    _managed("auditEvents", "auditEvent", _APPS, versions=BOTH, assign=None, methods=(), catalogue=False),
)  # fmt: skip

BY_KEY = {kind.key: kind for kind in TYPES}
CATALOGUE = tuple(kind.key for kind in TYPES if kind.catalogue)
