import multiprocessing
import socket
import threading
import traceback
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from providers.graph import errors
from providers.graph.transport import BearerAuth, Transport, origin_of
from tests.graph.provider import GRAPH, Answer, Provider

URL = f"{GRAPH}/v1.0/organization"


def test_only_the_socket_goes_to_the_mapped_address(provider, transport):
    provider.on("/v1.0/organization", Answer({"ok": True}))
    reply = transport.send("GET", f"{URL}?$select=id")
    assert (reply.status, reply.content) == (200, b'{"ok": true}')
    assert provider.asked[0].headers["host"] == "graph.microsoft.com"
    assert provider.asked[0].target == "/v1.0/organization?$select=id"


def test_connection_is_kept_alive(provider, transport):
    provider.on("/v1.0/organization", Answer())
    for _ in range(3):
        transport.send("GET", URL)
    assert len({each.port for each in provider.asked}) == 1


def test_503_makes_the_next_request_use_a_new_connection(provider, transport):
    provider.on("/v1.0/organization", Answer(), Answer(status=503), Answer())
    for _ in range(3):
        transport.send("GET", URL)
    first, second, third = (each.port for each in provider.asked)
    assert first == second != third


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1.0/groups",
        "http://graph.microsoft.com/v1.0/groups",
        "https://graph.microsoft.com@evil.example/",
        "https://user@graph.microsoft.com/v1.0/groups",
        "https://graph.microsoft.com.evil.example/",
        "https://graph.microsoft.com:444/v1.0/groups",
        "/v1.0/groups",
        "https://[bad",
    ],
)
def test_token_is_never_sent_to_another_host(provider, transport, url):
    with pytest.raises(errors.ResponseInvalid):
        transport.send("GET", url, auth=BearerAuth("t"))
    assert provider.asked == []


def test_host_map_takes_published_hosts_only():
    with pytest.raises(ValueError, match=r"evil\.example"):
        Transport({"https://evil.example": "http://127.0.0.1:1"})


def test_default_port_and_case_do_not_change_the_origin():
    assert origin_of("HTTPS://Graph.Microsoft.com:443/x") == GRAPH


def test_proxies_of_the_environment_are_ignored(provider, transport, monkeypatch):
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    provider.on("/v1.0/organization", Answer())
    assert transport.send("GET", URL).status == 200


def test_refused_connection_is_unreachable_and_shows_no_token(provider, transport):
    provider.stop()
    with pytest.raises(errors.Unreachable) as caught:
        transport.send("GET", URL, auth=BearerAuth("tok-123"))
    assert caught.value.transient
    ours = caught.value.with_traceback(caught.value.__traceback__.tb_next)
    shown = "".join(traceback.TracebackException.from_exception(ours, capture_locals=True).format())
    assert "BearerAuth" in shown
    assert "tok-123" not in shown
    assert caught.value.__context__ is None


def test_silent_server_times_out():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        transport = Transport({GRAPH: address}, read_timeout=0.1)
        with pytest.raises(errors.TimedOut):
            transport.send("GET", URL)
        transport.close()


def test_answer_that_drips_without_end_times_out(provider):
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_drip, args=(listener, stop))
        thread.start()
        transport = Transport(
            {GRAPH: f"http://127.0.0.1:{listener.getsockname()[1]}"}, read_timeout=1, total_timeout=0.3
        )
        with pytest.raises(errors.TimedOut):
            transport.send("GET", URL)
        stop.set()
        transport.close()
        thread.join()


def test_answer_that_is_cut_off_is_invalid_and_may_be_asked_for_again(provider, transport):
    provider.on("/v1.0/organization", Answer({"value": ["x" * 5000]}, cut=True))
    with pytest.raises(errors.ResponseInvalid) as caught:
        transport.send("GET", URL)
    assert caught.value.transient


def test_garbled_compression_is_invalid(provider, transport):
    provider.on("/v1.0/organization", Answer(b"not gzip", headers={"Content-Encoding": "gzip"}))
    with pytest.raises(errors.ResponseInvalid):
        transport.send("GET", URL)


def test_redirect_is_not_followed(provider, transport):
    provider.on("/v1.0/organization", Answer(status=302, headers={"Location": "https://evil.example/"}))
    assert transport.send("GET", URL).status == 302
    assert len(provider.asked) == 1


def test_child_process_opens_connections_of_its_own(provider, transport):
    provider.on("/v1.0/organization", Answer())
    transport.send("GET", URL)
    child = multiprocessing.get_context("fork").Process(target=transport.send, args=("GET", URL))
    child.start()
    child.join(10)
    assert child.exitcode == 0
    transport.send("GET", URL)
    parent, forked, again = (each.port for each in provider.asked)
    assert parent == again != forked


def test_tls_is_checked_against_the_published_name(provider, tmp_path):
    ca_file, right = tls_files(tmp_path, "graph.microsoft.com")
    assert tls_status(right, ca_file) == 200
    _, wrong = tls_files(tmp_path, "localhost", ca=(ca_file, tmp_path / "ca.key"))
    with pytest.raises(errors.Unreachable):
        tls_status(wrong, ca_file)
    with pytest.raises(errors.Unreachable):
        tls_status(right, None)


def tls_status(chain, ca_file) -> int:
    server = Provider(tls=chain)
    server.on("/v1.0/organization", Answer())
    transport = Transport(server.host_map, verify=str(ca_file) if ca_file else True)
    try:
        return transport.send("GET", URL).status
    finally:
        transport.close()
        server.stop()


def tls_files(folder, name, ca=None):
    """A CA file, and a file with the key and certificate of a server of that name."""
    if ca is None:
        ca_key = ec.generate_private_key(ec.SECP256R1())
        (folder / "ca.key").write_bytes(_pem(ca_key))
        (folder / "ca.pem").write_bytes(_certificate("Test CA", ca_key, ca_key, "Test CA", is_ca=True))
    ca_key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    chain = folder / f"{name}.pem"
    chain.write_bytes(_pem(key) + _certificate(name, key, ca_key, "Test CA"))
    return folder / "ca.pem", chain


def _pem(key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _certificate(name, key, issuer_key, issuer, is_ca=False) -> bytes:
    def named(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name)).issuer_name(named(issuer)).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name.replace(" ", "-"))]), critical=False)
    )  # fmt: skip
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _drip(listener: socket.socket, stop: threading.Event) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not stop.wait(0.02):
            try:
                connection.sendall(b"x")
            except OSError:
                return
