"""Microsoft's national clouds and their hosts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cloud:
    login: str
    graph: str


CLOUDS = {
    "global": Cloud("login.microsoftonline.com", "graph.microsoft.com"),
    "usgov": Cloud("login.microsoftonline.us", "graph.microsoft.us"),
    "usgov-dod": Cloud("login.microsoftonline.us", "dod-graph.microsoft.us"),
    "china": Cloud("login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn"),
}


def cloud_of_graph_host(host: str) -> str | None:
    return next((name for name, cloud in CLOUDS.items() if cloud.graph == host.lower()), None)


def cloud_of_login_host(host: str) -> str | None:
    return next((name for name, cloud in CLOUDS.items() if cloud.login == host.lower()), None)


def is_microsoft_host(host: str) -> bool:
    return cloud_of_graph_host(host) is not None or cloud_of_login_host(host) is not None
