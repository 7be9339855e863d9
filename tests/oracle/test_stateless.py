"""s_server -stateless: beside the original where that works, and with the clients that it does not work with."""

from __future__ import annotations

import socket
import ssl

import pytest

from support.fixtures import Run, Start, Workdir
from support.oracle import AHOY, Case, compare_servers
from support.peers import start_server
from support.pki import trusting
from support.programs import OPENSSL, OURS, TIME_LIMIT, Until

STATELESS = "-stateless -cert rsa.pem -key rsa.key"


def test_server_asks_for_a_cookie_as_the_original(start: Start, workdir: Workdir) -> None:
    """The original knows only clients that do without middlebox compatibility."""
    case = Case("plain", STATELESS, "DELAY\n", peer="-no_middlebox -state", talk=AHOY)
    compare_servers(start, case, workdir)


def test_original_still_fails_with_ordinary_clients(start: Start, workdir: Workdir) -> None:
    """If it does not any more, our difference is none."""
    cwd = workdir("original")
    server = start_server(start, OPENSSL, f"{STATELESS} -naccept 1", cwd)
    client = start([*OPENSSL, "s_client", "-connect", server.address], cwd).finish()
    assert client.code == 1


ORDINARY = (
    "",
    "-groups P-521:X25519",
    "-cert client.pem -key client.key",
    "-early_data early.txt -sess_in s.pem",
)


@pytest.mark.parametrize("options", ORDINARY)
def test_ordinary_clients_return_the_cookie_every_time(options: str, start: Start, workdir: Workdir) -> None:
    cwd = workdir("ours")
    (cwd / "early.txt").write_bytes(b"first words\n")
    server = start_server(start, OURS, f"{STATELESS} -naccept 2 -verify 1 -max_early_data 1000", cwd)
    for words in (["-sess_out", "s.pem"], options.split()):
        client = start([*OPENSSL, "s_client", "-connect", server.address, "-trace", *words], cwd)
        client.talk([Until("NewSessionTicket")])
        client.send(b"ahoy\n")
        server.process.until("ahoy", 1 if words[0:1] == ["-sess_out"] else 2)
        client.eof()
        shown = client.finish()
        assert shown.code == 0, shown
        assert shown.out.count("extension_type=cookie_ext(44)") == 2  # to us and back
        assert "first words" not in server.process.out
    finished = server.process.finish()
    assert finished.out.count("DELAY\n") == 2
    assert finished.out.count("CIPHER is TLS_AES_256_GCM_SHA384") == 2
    assert ("CN = a client" in finished.err) == ("client.pem" in options)


def test_client_without_tls_1_3_is_told(start: Start, workdir: Workdir) -> None:
    cwd = workdir("ours")
    server = start_server(start, OURS, f"{STATELESS} -naccept 1", cwd)
    client = start([*OPENSSL, "s_client", "-tls1_2", "-connect", server.address], cwd).finish()
    assert "alert protocol version" in client.err
    assert "unsupported protocol" in server.process.finish().err


def test_hellos_may_come_byte_by_byte(start: Start, workdir: Workdir) -> None:
    server = start_server(start, OURS, f"{STATELESS} -naccept 1", workdir("ours"))
    context = trusting(workdir("ours") / "root.pem")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", server.port), TIME_LIMIT) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not shaken(secure):
            for byte in outgoing.read():
                plain.sendall(bytes([byte]))
            incoming.write(plain.recv(65536))
        secure.write(b"byte by byte\n")
        plain.sendall(outgoing.read())
        assert server.process.until("byte by byte")
    assert server.process.finish().code == 0


def test_cookie_is_good_for_the_address_it_was_sent_to(start: Start, workdir: Workdir) -> None:
    server = start_server(start, OURS, f"{STATELESS} -naccept 2", workdir("ours"))
    context = trusting(workdir("ours") / "root.pem")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", server.port), TIME_LIMIT) as plain:
        assert not shaken(secure)
        plain.sendall(outgoing.read())
        incoming.write(plain.recv(65536))
        assert not shaken(secure)
    change_cipher_spec, second_hello = bytes.fromhex("140303000101"), outgoing.read()
    with socket.create_connection(("127.0.0.1", server.port), TIME_LIMIT) as elsewhere:
        elsewhere.sendall(second_hello.removeprefix(change_cipher_spec))
        assert elsewhere.recv(1) == b"\x15"  # an alert
    assert "cookie mismatch" in server.process.finish().err


def shaken(secure: ssl.SSLObject) -> bool:
    try:
        secure.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


BROKEN = (
    (b"GET / HTTP/1.0\r\n\r\n", "http request"),
    (bytes.fromhex("802e0103010015000000100000"), "is not a TLS ClientHello"),
    (bytes.fromhex("1603010004010000"), "unexpected eof while reading"),
    (bytes.fromhex("16030100040e000000"), "unexpected message"),
    (bytes.fromhex("14030300010114030300"), "is not a TLS ClientHello"),
    ((bytes.fromhex("160301400001ffffff") + bytes(16380)) * 20, "excessive message size"),
    (b"", "unexpected eof while reading"),
)


@pytest.mark.parametrize("data, reason", BROKEN, ids=range(len(BROKEN)))
def test_whatever_is_no_hello_is_refused_and_the_next_client_served(
    data: bytes, reason: str, start: Start, workdir: Workdir
) -> None:
    cwd = workdir("ours")
    server = start_server(start, OURS, f"{STATELESS} -naccept 2", cwd)
    with socket.create_connection(("127.0.0.1", server.port), TIME_LIMIT) as broken:
        try:
            broken.sendall(data)
            broken.shutdown(socket.SHUT_WR)
            while broken.recv(65536):
                pass
        except ConnectionError:
            pass
    client = start([*OPENSSL, "s_client", "-connect", server.address, "-brief"], cwd)
    client.talk([b"ahoy\n"])
    assert server.process.until("ahoy")
    client.eof()
    assert client.finish().code == 0
    assert reason in server.process.finish().err


def test_web_mode_asks_for_cookies_too(start: Start, run: Run, workdir: Workdir) -> None:
    cwd = workdir("ours")
    server = start_server(start, OURS, f"{STATELESS} -www -naccept 1", cwd)
    got = run(["curl", "-sS", "--cacert", "root.pem", f"https://{server.address}/"], cwd=cwd)
    assert "TLS_AES_256_GCM_SHA384" in got.out
