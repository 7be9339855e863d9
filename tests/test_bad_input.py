"""Whatever is wrong, a user reads one clear message, never a Python traceback, and nothing is left behind.

That the messages are the original's is checked beside the original, in oracle/.
"""

from __future__ import annotations

import random
import shlex
import socket
from pathlib import Path

import pytest

from support import peers
from support.fixtures import Run, Start, Workdir
from support.peers import free_port, start_server
from support.programs import OPENSSL, OURS, Finished, Until, wait_for

RSA = "-cert rsa.pem -key rsa.key"
CLIENT = "s_client -connect 127.0.0.1:{port}"
SERVER = f"s_server -accept 127.0.0.1:0 {RSA}"

# A command line that must fail, and a word that its message must have.
COMMAND_LINES = {
    "no_program": ("", "s_client"),
    "unknown_program": ("s_nothing", "s_nothing"),
    "client_unknown_option": ("s_client -nosuch", "-nosuch"),
    "client_unknown_option_beyond_ascii": ("s_client -nöt", "-nöt"),
    "client_bad_number": ("s_client -port 1e3", "1e3"),
    "client_number_without_digits": ("s_client -verify ''", "as a number"),
    "client_port_too_large": ("s_client -connect 127.0.0.1:99999", "errno="),
    "client_bad_host": ("s_client -connect no..such..host:443", "errno="),
    "client_host_with_zero_bytes_of_idna": ("s_client -connect \u00df.\u00fc..:443", "errno="),
    "client_host_too_long": (f"s_client -connect {'a' * 300}:443", "errno="),
    "client_refused": (CLIENT, "Connection refused"),
    "client_cert_missing": (f"{CLIENT} -cert nowhere.pem", "nowhere.pem"),
    "client_cert_is_a_directory": (f"{CLIENT} -cert . -key rsa.key", "client certificate"),
    "client_cert_binary": (f"{CLIENT} -cert noise.bin -key rsa.key", "noise.bin"),
    "client_key_does_not_match": (f"{CLIENT} -cert rsa.pem -key client.key", "key values mismatch"),
    "client_wrong_password": (f"{CLIENT} -cert rsa.pem -key locked.key -pass pass:no", "locked.key"),
    "client_password_file_missing": (f"{CLIENT} -key locked.key -pass file:nowhere.txt", "nowhere.txt"),
    "client_password_file_is_a_directory": (f"{CLIENT} -key locked.key -pass file:.", "password"),
    "client_password_descriptor_missing": (f"{CLIENT} -key locked.key -pass fd:77", "password"),
    "client_cafile_is_a_directory": (f"{CLIENT} -CAfile .", "error"),
    "client_session_is_a_directory": (f"{CLIENT} -sess_in .", "session file ."),
    "client_session_binary": (f"{CLIENT} -sess_in noise.bin", "session file noise.bin"),
    "client_keylog_is_a_directory": (f"{CLIENT} -keylogfile .", "keylog file"),
    "client_cipher_nonsense": (f"{CLIENT} -cipher nonsense", "-cipher"),
    "client_unix_path_too_long": (f"s_client -unix {'a' * 200}", "errno="),
    "client_bind_nonsense": (f"{CLIENT} -bind a:b:c", "-bind"),
    "server_unknown_option": ("s_server -nosuch", "-nosuch"),
    "server_bad_number": ("s_server -naccept 3x", "3x"),
    "server_accept_malformed": ("s_server -accept a:b:c", "-accept"),
    "server_accept_no_such_host": (f"s_server {RSA} -accept no..such..host:0", "BIO_lookup_ex"),
    "server_accept_not_ours": (f"s_server {RSA} -accept 192.0.2.1:0", "Cannot assign requested address"),
    "server_unix_path_too_long": (f"s_server {RSA} -unix {'a' * 200}", "error"),
    "server_unix_in_no_directory": (f"s_server {RSA} -unix nowhere/a.sock", "No such file"),
    "server_cert_missing": (f"{SERVER} -cert nowhere.pem", "nowhere.pem"),
    "server_key_missing": (f"{SERVER} -key nowhere.key", "nowhere.key"),
    "server_key_does_not_match": (f"{SERVER} -key client.key", "key values mismatch"),
    "server_key_binary": (f"{SERVER} -key noise.bin", "noise.bin"),
    "server_wrong_password": (f"{SERVER} -key locked.key -pass pass:no", "locked.key"),
    "server_cafile_missing": (f"{SERVER} -CAfile nowhere.pem", "No such file"),
    "server_cipher_nonsense": (f"{SERVER} -cipher nonsense", "-cipher"),
}  # fmt: skip


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_wrong_command_line_fails_with_a_message(name: str, run: Run, workdir: Workdir) -> None:
    line, told = COMMAND_LINES[name]
    words = shlex.split(line.replace("{port}", str(free_port())))
    finished = run([*OURS, *words], cwd=with_noise(workdir("here")))
    assert told in finished.err
    assert finished.code == 1
    assert_no_traceback(finished)


BAD_PEERS: dict[str, peers.Behaviour] = {
    "plain_text": peers.speaks_plain_text,
    "closes_at_once": peers.closes_at_once,
    "resets_at_hello": peers.resets_at_hello,
    "half_a_server_hello": peers.answers_with(peers.HALF_A_SERVER_HELLO),
    "garbage_record": peers.answers_with(peers.GARBAGE_RECORD),
    "nothing_but_zeros": peers.answers_with(bytes(50_000)),
    "noise": peers.answers_with(random.Random(1).randbytes(50_000)),
}


@pytest.mark.parametrize("options", ["", "-quiet", "-brief", "-msg -debug -state -tlsextdebug"])
@pytest.mark.parametrize("name", BAD_PEERS)
def test_client_with_a_bad_peer_fails_with_a_message(name: str, options: str, run: Run) -> None:
    with peers.peer(BAD_PEERS[name]) as port:
        finished = run([*OURS, "s_client", "-connect", f"127.0.0.1:{port}", *options.split()])
    assert "error:" in finished.err or "errno=" in finished.err
    assert finished.code == 1
    assert_no_traceback(finished)


@pytest.mark.parametrize("closed", ["stdin", "stdout", "stderr"])
def test_client_without_a_standard_stream_does_not_break(closed: str, run: Run, workdir: Workdir) -> None:
    number = {"stdin": "0<&-", "stdout": "1>&-", "stderr": "2>&-"}[closed]
    line = f"{shlex.join(OURS)} s_client -connect 127.0.0.1:{free_port()} {number}"
    finished = run(["sh", "-c", line], cwd=workdir("here"))
    assert finished.code == 1
    assert_no_traceback(finished)


# --- servers -----------------------------------------------------------------------------------------------------

MODES = ["", "-www", "-WWW", "-HTTP", "-rev", "-quiet", "-brief", "-msg -debug -state -tlsextdebug"]
FIRST_BYTES: dict[str, bytes] = {
    "nothing": b"",
    "plain_http": b"GET / HTTP/1.0\r\n\r\n",
    "half_a_hello": bytes.fromhex("16 03 01 02 00 01 00 01 fc 03 03"),
    "zeros": bytes(20_000),
    "noise": random.Random(2).randbytes(20_000),
    "an_alert": bytes.fromhex("15 03 01 00 02 02 28"),
}


@pytest.mark.parametrize("mode", MODES)
def test_server_survives_bad_peers(mode: str, start: Start, workdir: Workdir) -> None:
    """One after the other, each ending in its way; then a good client is served."""
    server = start_server(start, OURS, f"{RSA} {mode}", workdir("server"))
    for data in FIRST_BYTES.values():
        for end in (close, peers.reset):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
            connection.sendall(data)
            end(connection)
    client = start([*OPENSSL, "s_client", "-connect", server.address])
    assert client.until("New, TLSv1.3")
    client.eof()
    client.finish()
    process = server.process
    assert process.popen.poll() is None
    wait_for("only the listening socket is open", lambda: process.sockets() == 1)
    wait_for("its threads have ended", lambda: process.threads() == 1)
    process.stop()
    assert "Traceback" not in process.out + process.err


REQUESTS: dict[str, bytes] = {
    "a_request_line_of_100_kB": b"GET /" + b"a" * 100_000 + b" HTTP/1.0\r\n\r\n",
    "100_kB_without_a_line_end": b"a" * 100_000,
    "many_lines": b"a\r\n" * 30_000,
    "up": b"GET /../x HTTP/1.0\r\n\r\n",
    "up_without_a_slash": b"GET ../x HTTP/1.0\r\n\r\n",
    "zero_bytes": b"GET /\0\0 HTTP/1.0\r\n\r\n",
    "not_utf8": b"GET /\xff\xfe HTTP/1.0\r\n\r\n",
    "no_path": b"GET \r\n\r\n",
    "a_device": b"GET /dev/../../dev/zero HTTP/1.0\r\n\r\n",
    "a_name_too_long": b"GET /" + b"a" * 5000 + b" HTTP/1.0\r\n\r\n",
    "noise": random.Random(3).randbytes(5_000) + b"\r\n",
}


@pytest.mark.parametrize("mode", ["-www", "-WWW", "-HTTP", "-rev"])
def test_server_survives_bad_requests(mode: str, start: Start, workdir: Workdir) -> None:
    server = start_server(start, OURS, f"{RSA} {mode}", workdir("server"))
    for request in REQUESTS.values():
        client = start([*OPENSSL, "s_client", "-quiet", "-no_ign_eof", "-connect", server.address])
        client.send(request)
        client.eof()
        client.finish()
    client = start([*OPENSSL, "s_client", "-quiet", "-connect", server.address])
    if mode == "-rev":
        client.talk([b"ping\n", Until("gnip"), b"CLOSE\n"])
    else:
        client.talk([b"GET /root.pem HTTP/1.0\r\n\r\n"])
    assert client.finish().out
    process = server.process
    wait_for("only the listening socket is open", lambda: process.sockets() == 1)
    wait_for("its threads have ended", lambda: process.threads() == 1)
    process.stop()
    assert "Traceback" not in process.out + process.err


@pytest.mark.parametrize("mode", ["-WWW", "-HTTP"])
def test_server_serves_no_pipe_nor_device(mode: str, start: Start, workdir: Workdir) -> None:
    """A name that is neither file nor directory must not stop the server from serving others."""
    directory = workdir("server")
    (directory / "null").symlink_to("/dev/null")
    server = start_server(start, OURS, f"{RSA} {mode}", directory)
    for path in ("null", "root.pem"):
        client = start([*OPENSSL, "s_client", "-quiet", "-connect", server.address])
        client.send(f"GET /{path} HTTP/1.0\r\n\r\n".encode())
        finished = client.finish()
    assert "-----BEGIN CERTIFICATE-----" in finished.out


@pytest.mark.parametrize("mode", ["", "-www", "-rev"])
def test_server_ends_at_once_when_it_is_told_to(mode: str, start: Start, workdir: Workdir) -> None:
    """SIGTERM and SIGINT end it, without a word from Python."""
    for signal_number in (15, 2):
        server = start_server(start, OURS, f"{RSA} {mode}", workdir(f"server{signal_number}"))
        server.process.popen.send_signal(signal_number)
        finished = server.process.finish(limit=5)
        assert finished.code == -signal_number
        assert finished.err == ""


def test_client_ends_at_once_when_it_is_told_to(start: Start, workdir: Workdir) -> None:
    server = start_server(start, OPENSSL, f"{RSA} -rev", workdir("server"))
    for signal_number in (15, 2):
        client = start([*OURS, "s_client", "-quiet", "-connect", server.address])
        client.talk([b"ping\n", Until("gnip")])
        client.popen.send_signal(signal_number)
        finished = client.finish(limit=5)
        assert finished.code == -signal_number
        assert_no_traceback(finished)


# --- helpers -----------------------------------------------------------------------------------------------------


def assert_no_traceback(finished: Finished) -> None:
    for text in (finished.out, finished.err):
        assert "Traceback" not in text
        assert "Exception ignored" not in text


def with_noise(directory: Path) -> Path:
    (directory / "noise.bin").write_bytes(random.Random(4).randbytes(3000))
    return directory


def close(connection: socket.socket) -> None:
    connection.close()
