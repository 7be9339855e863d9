"""s_client -json against the original's s_server: whole runs, every line checked against the schema."""

from __future__ import annotations

import datetime as dt
import shlex
import signal
import socket
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.ocsp import OCSPCertStatus, OCSPResponderEncoding, OCSPResponseBuilder

from support.fixtures import Start, Workdir
from support.peers import after_handshake, closes_at_once, drain, free_port, peer, start_server
from support.programs import OPENSSL, OURS, Eof, Finished, Step, Until
from support.schema import Told, told

PING: tuple[Step, ...] = (Until('"HandshakeCompleted"'), b"ping\n", Until("676e6970"), Eof())

TLS12 = ssl.TLSVersion.TLSv1_2


class Stage:
    """A directory with the PKI, and a server for each client."""

    def __init__(self, start: Start, cwd: Path) -> None:
        self.start = start
        self.cwd = cwd

    def play(
        self, options: str, server: str = "-rev -cert rsa.pem -key rsa.key", talk: Sequence[Step] = PING
    ) -> tuple[list[Told], Finished]:
        """The records of a client with these options, and how it ended."""
        peer = start_server(self.start, OPENSSL, f"-naccept 1 {server}", self.cwd)
        return self.alone(f"-connect {peer.address} {options}", talk)

    def alone(self, options: str, talk: Sequence[Step] = (Eof(),)) -> tuple[list[Told], Finished]:
        client = self.start([*OURS, "s_client", "-json", *shlex.split(options)], self.cwd)
        client.talk(talk)
        finished = client.finish()
        records = told(finished.out)
        assert records[0]["event"] == "Started"
        assert [each["event"] for each in records].count("Summarized") == 1
        assert records[-1]["event"] == "Summarized"
        assert records[-1]["code"] == finished.code
        assert [each["time"] for each in records] == sorted(each["time"] for each in records)
        return records, finished


@pytest.fixture
def stage(start: Start, workdir: Workdir) -> Stage:
    return Stage(start, workdir("here"))


def of(records: list[Told], name: str) -> list[Told]:
    return [each for each in records if each["event"] == name]


def names(records: list[Told]) -> list[str]:
    return [each["event"] for each in records]


# --- runs that go well -------------------------------------------------------------------------------------------


def test_tls13_from_start_to_end(stage: Stage) -> None:
    server = "-rev -alpn h2 -cert chain.pem -key chain.key -cert_chain inter.pem"
    records, finished = stage.play("-CAfile root.pem -alpn h2 -servername a.example -verify_quiet", server)
    assert finished.err == "DONE\n"
    assert names(records) == [
        "Started", "ConnectStarted", "Connected",
        *["CertificateChecked"] * 3, "HandshakeCompleted", "TicketReceived", "TicketReceived",
        "DataReceived", "InputEnded", "AlertSeen", "Summarized",
    ]  # fmt: skip
    assert of(records, "DataReceived")[0]["data"] == b"gnip\n".hex()
    last = records[-1]
    assert (last["code"], last["reason"], last["error"], last["closed"]) == (0, "ok", None, "local")
    assert last["peer"] == f"127.0.0.1:{last['service']}"
    assert last["tickets"] == {"count": 2, "lifetime": 7200}
    assert last["verification_errors"] == []
    phases = last["phases"]
    assert phases["preamble"] is None
    assert 0 < phases["connect"] + phases["handshake"] < phases["total"] == last["time"]
    summary = last["summary"]
    assert (summary["version"], summary["cipher"]) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert (summary["group"], summary["alpn"], summary["server_name"]) == ("x25519", "h2", "a.example")
    assert (summary["peer_signature_type"], summary["peer_digest"]) == ("RSA-PSS", "SHA256")
    files = ["chain.pem", "inter.pem", "root.pem"]
    assert [each["sha256"] for each in summary["chain"]] == fingerprints(stage.cwd, files[:2])
    assert [each["sha256"] for each in summary["verified_chain"]] == fingerprints(stage.cwd, files)
    assert summary["bytes_read"] > of(records, "HandshakeCompleted")[0]["summary"]["bytes_read"]


def fingerprints(directory: Path, files: Sequence[str]) -> list[str]:
    certificates = (x509.load_pem_x509_certificate((directory / file).read_bytes()) for file in files)
    return [each.fingerprint(hashes.SHA256()).hex() for each in certificates]


def test_start_is_dated(stage: Stage) -> None:
    records, _ = stage.alone(f"-connect 127.0.0.1:{free_port()}")
    at = dt.datetime.fromisoformat(records[0]["at"])
    assert abs(dt.datetime.now(dt.UTC) - at) < dt.timedelta(minutes=1)
    assert records[0]["library"].startswith("OpenSSL ")


def test_tls12_with_client_certificate(stage: Stage) -> None:
    server = "-rev -cert ecdsa.pem -key ecdsa.key -tls1_2 -Verify 2 -CAfile root.pem"
    records, _ = stage.play("-cert client.pem -key client.key -CAfile root.pem", server)
    summary = records[-1]["summary"]
    assert (summary["version"], summary["cipher"]) == ("TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384")
    assert summary["standard_cipher"] == "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
    assert summary["ca_names"] == ["C = DE, O = tlsdeck, CN = tlsdeck test root"]
    assert "RSA sign" in summary["certificate_types"]
    assert records[-1]["code"] == 0


def test_starttls(stage: Stage) -> None:
    secure = after_handshake(stage.cwd, lambda connection: connection.sendall(b"220 bye\r\n"), version=TLS12)

    def accepts(connection: socket.socket) -> None:
        for answer in (b"220 here\r\n", b"250-here\r\n250 STARTTLS\r\n", b"220 go on\r\n"):
            connection.sendall(answer)
            if answer != b"220 go on\r\n":
                connection.recv(1024)
        secure(connection)

    with peer(accepts) as port:
        talk = (Until('"HandshakeCompleted"'), b"NOOP\r\n", Until('"DataReceived"'), Eof())
        records, _ = stage.alone(f"-connect 127.0.0.1:{port} -starttls smtp", talk)
    assert names(records)[:4] == ["Started", "ConnectStarted", "Connected", "PreambleCompleted"]
    assert of(records, "PreambleCompleted")[0]["protocol"] == "smtp"
    phases = records[-1]["phases"]
    assert min(phases["connect"], phases["preamble"], phases["handshake"]) > 0
    assert sum(phases[each] for each in ("connect", "preamble", "handshake")) < phases["total"]
    assert records[-1]["summary"]["version"] == "TLSv1.2"


def test_starttls_that_is_refused(stage: Stage) -> None:
    def refuses(connection: socket.socket) -> None:
        for answer in (b"220 here\r\n", b"250-here\r\n250 STARTTLS\r\n", b"454 not now\r\n"):
            connection.sendall(answer)
            connection.recv(1024)

    with peer(refuses) as port:
        records, finished = stage.alone(f"-connect 127.0.0.1:{port} -starttls smtp")
    assert finished.err == "s_client: STARTTLS refused: 454 not now\n"
    (failed,) = of(records, "PreambleFailed")
    assert failed["protocol"] == "smtp"
    assert failed["text"] == "s_client: STARTTLS refused: 454 not now"
    assert records[-1]["error"] == "STARTTLS refused: 454 not now"
    assert records[-1]["phases"]["preamble"] > 0
    assert records[-1]["phases"]["handshake"] is None
    assert records[-1]["summary"] is None


def test_stapled_response(stage: Stage) -> None:
    """-ct asks for one too."""
    issuer, certificate = (
        x509.load_pem_x509_certificate((stage.cwd / name).read_bytes()) for name in ("root.pem", "rsa.pem")
    )
    key = load_pem_private_key((stage.cwd / "rsa.key").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    now = dt.datetime.now(dt.UTC)
    response = (
        OCSPResponseBuilder()
        .add_response(
            certificate,
            issuer,
            hashes.SHA256(),
            OCSPCertStatus.GOOD,
            now,
            now + dt.timedelta(days=1),
            None,
            None,
        )
        .responder_id(OCSPResponderEncoding.HASH, certificate)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    (stage.cwd / "response.der").write_bytes(response)
    server = "-rev -cert rsa.pem -key rsa.key -status_file response.der"
    (stage.cwd / "logs.cnf").write_text("enabled_logs = \n")
    assert stage.play("-ct -ctlogfile logs.cnf", server)[0][-1]["summary"]["ocsp_response"] == response.hex()
    assert stage.play("", server)[0][-1]["summary"]["ocsp_response"] is None


def test_resumption(stage: Stage) -> None:
    server = start_server(stage.start, OPENSSL, "-naccept 2 -rev -cert rsa.pem -key rsa.key", stage.cwd)
    first, _ = stage.alone(f"-connect {server.address} -sess_out session.pem", PING)
    again, _ = stage.alone(f"-connect {server.address} -sess_in session.pem", PING)
    assert [each[-1]["resumptions"] for each in (first, again)] == [0, 1]
    assert [of(each, "HandshakeCompleted")[0]["summary"]["reused"] for each in (first, again)] == [
        False,
        True,
    ]
    assert again[-1]["summary"]["chain"] == first[-1]["summary"]["chain"]


@pytest.mark.parametrize("letter", [b"R\n", b"r\n"], ids=["client", "server"])
def test_renegotiation(letter: bytes, stage: Stage) -> None:
    options = "-tls1_2 -client_renegotiation -cert rsa.pem -key rsa.key"
    server = start_server(stage.start, OPENSSL, f"-naccept 1 {options}", stage.cwd)
    client = stage.start([*OURS, "s_client", "-json", "-connect", server.address], stage.cwd)
    client.until('"HandshakeCompleted"')
    server.process.until("CIPHER is")
    if letter == b"R\n":
        client.send(letter)
    else:
        server.process.send(letter)
    client.until('"Renegotiated"')
    client.eof()
    records = told(client.finish().out)
    assert names(records).index("HandshakeCompleted") < names(records).index("Renegotiated")
    assert ("RenegotiationRequested" in names(records)) == (letter == b"R\n")
    assert of(records, "Renegotiated")[0]["summary"]["secure_renegotiation"] is True
    assert (records[-1]["renegotiations"], records[-1]["code"]) == (1, 0)


def test_key_updates(stage: Stage) -> None:
    server = start_server(stage.start, OPENSSL, "-naccept 1 -cert rsa.pem -key rsa.key", stage.cwd)
    client = stage.start([*OURS, "s_client", "-json", "-connect", server.address], stage.cwd)
    client.talk([Until('"HandshakeCompleted"'), b"K\n", Until('"KeyUpdated"'), b"a question\n"])
    server.process.until("a question")
    server.process.send(b"an answer\n")  # the server follows when it writes
    client.talk([Until('"DataReceived"'), b"Q\n"])
    records = told(client.finish().out)
    assert [(each["sent"], each["requested"]) for each in of(records, "KeyUpdated")] == [
        (True, True),
        (False, False),
    ]
    assert (records[-1]["key_updates_sent"], records[-1]["key_updates_received"]) == (1, 1)


# --- runs that fail ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "certificate, options, errors",
    [
        ("expired", "-CAfile root.pem", ["X509_V_ERR_CERT_HAS_EXPIRED"]),
        ("selfsigned", "", ["X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT"]),
        ("other", "-CAfile root.pem -verify_hostname localhost", ["X509_V_ERR_HOSTNAME_MISMATCH"]),
        ("rsa", "-CAfile root.pem -verify_hostname localhost", []),
    ],
)
def test_bad_certificates(certificate: str, options: str, errors: list[str], stage: Stage) -> None:
    records, _ = stage.play(options, f"-rev -cert {certificate}.pem -key {certificate}.key")
    last = records[-1]
    assert [each["name"] for each in last["verification_errors"]] == errors
    assert last["code"] == 0
    assert (last["summary"]["verify_code"] == 0) == (not errors)
    for wrong in last["verification_errors"]:
        assert wrong["depth"] == 0
        assert wrong["subject"].startswith("C = DE")
        assert wrong["code"] in [
            each["error"] for each in of(records, "CertificateChecked") if not each["ok"]
        ]


def test_certificate_that_ends_the_connection(stage: Stage) -> None:
    options = "-verify_return_error -CAfile root.pem"
    records, finished = stage.play(options, "-cert expired.pem -key expired.key", [Eof()])
    last = records[-1]
    assert finished.code == 1
    assert (last["error"], last["closed"]) == ("certificate verify failed", "failed")
    assert last["alerts"] == [{"sent": True, "level": "fatal", "description": "certificate expired"}]
    assert of(records, "HandshakeFailed")[0]["stack"][0]["code"] == "0A000086"
    assert last["summary"]["chain"][0]["not_after"] < dt.datetime.now(dt.UTC).isoformat()
    assert last["phases"]["handshake"] > 0


def test_refused_connection(stage: Stage) -> None:
    records, finished = stage.alone(f"-connect 127.0.0.1:{free_port()}")
    assert names(records) == ["Started", "ConnectStarted", "ConnectFailed", "Summarized"]
    assert (records[2]["errno"], records[2]["stack"][0]["reason"]) == (111, "Connection refused")
    last = records[-1]
    assert (last["code"], last["reason"]) == (1, "connect")
    assert (last["error"], last["closed"]) == ("Connection refused", None)
    assert (last["summary"], last["connections"]) == (None, 0)
    assert finished.err.endswith("connect:errno=111\n")


def test_name_that_does_not_exist(stage: Stage) -> None:
    records, _ = stage.alone("-connect no.such.name.invalid:443")
    assert (records[-1]["reason"], records[-1]["host"]) == ("lookup", "no.such.name.invalid")
    assert "name" in records[-1]["error"].lower()


def test_connection_that_is_cut_off(stage: Stage) -> None:
    with peer(closes_at_once) as port:
        records, _ = stage.alone(f"-connect 127.0.0.1:{port}")
    assert records[-1]["closed"] == "cut-off"
    assert records[-1]["code"] == 1


def test_peer_that_closes(stage: Stage) -> None:
    talk = (Until('"HandshakeCompleted"'), b"GET / HTTP/1.0\r\n\r\n")
    records, _ = stage.play("", "-www -cert rsa.pem -key rsa.key", talk)
    assert "PeerClosed" in names(records)
    assert (records[-1]["closed"], records[-1]["code"]) == ("peer", 0)


@pytest.mark.parametrize("option", ["-sess_in", "-cert", "-CAfile", "-CRL"])
def test_file_that_is_none_is_a_failed_run(option: str, stage: Stage) -> None:
    records, finished = stage.alone(f"-connect 127.0.0.1:1 {option} junk.pem")
    assert names(records) == ["Started", "SetupFailed", "Summarized"]
    assert (finished.code, records[-1]["reason"]) == (1, "setup")
    assert records[-1]["error"] == (records[1]["message"] or records[1]["stack"][0]["reason"])
    assert records[-1]["error"]


def test_reconnections(stage: Stage) -> None:
    server = start_server(stage.start, OPENSSL, "-naccept 6 -rev -cert rsa.pem -key rsa.key", stage.cwd)
    records, _ = stage.alone(
        f"-connect {server.address} -reconnect", (Until('"HandshakeCompleted"', 6), Eof())
    )
    assert (records[-1]["connections"], records[-1]["resumptions"]) == (6, 5)
    assert names(records).count("ReconnectStarted") == 5
    assert (records[-1]["closed"], records[-1]["summary"]["reused"]) == ("local", True)


def test_time_limit(stage: Stage) -> None:
    with peer(drain) as port:
        records, finished = stage.alone(f"-connect 127.0.0.1:{port} -strict -handshake_timeout 0.3", ())
    last = records[-1]
    assert finished.code == last["code"] == 30
    assert (last["reason"], last["closed"]) == ("time-limit", "time-limit")
    assert last["error"] in finished.err
    assert 0.3 <= last["phases"]["handshake"] < 1


def test_strict_names_what_failed(stage: Stage) -> None:
    records, finished = stage.play("-strict -CAfile root.pem", "-cert expired.pem -key expired.key", [Eof()])
    assert finished.code == records[-1]["code"] == 22
    assert records[-1]["reason"] == "expired"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_ends_with_its_record(number: signal.Signals, stage: Stage) -> None:
    server = start_server(stage.start, OPENSSL, "-naccept 1 -cert rsa.pem -key rsa.key", stage.cwd)
    client = stage.start([*OURS, "s_client", "-json", "-connect", server.address], stage.cwd)
    client.until('"TicketReceived"')
    client.popen.send_signal(number)
    finished = client.finish()
    assert finished.code == -number
    last = told(finished.out)[-1]
    assert (last["code"], last["reason"]) == (128 + number, "interrupted")


def test_wrong_usage_prints_nothing_on_stdout(stage: Stage) -> None:
    finished = stage.start([*OURS, "s_client", "-json", "-nosuchoption"], stage.cwd).finish()
    assert (finished.code, finished.out) == (1, "")


def test_reader_that_leaves_is_no_error(stage: Stage) -> None:
    server = start_server(stage.start, OPENSSL, "-naccept 1 -rev -cert rsa.pem -key rsa.key", stage.cwd)
    line = f"{shlex.join(OURS)} s_client -json -connect {server.address} </dev/null | head -n 4"
    done = subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, check=True, timeout=20, cwd=stage.cwd
    )
    assert len(done.stdout.splitlines()) == 4
    assert "rror" not in done.stderr.replace("verify error", "")


# --- with other options ------------------------------------------------------------------------------------------


def test_debugging_options_are_told_in_json(stage: Stage) -> None:
    records, finished = stage.play("-debug -msg -state -tlsextdebug -nbio -showcerts -keymatexport label")
    assert {"TransportUsed", "MessageSeen", "StateChanged", "ExtensionSeen", "Blocked"} <= set(names(records))
    assert all("decoded" not in each for each in of(records, "MessageSeen"))
    assert records[-1]["summary"]["chain"][0]["pem"] == (stage.cwd / "rsa.pem").read_text()
    exported = of(records, "HandshakeCompleted")[0]["summary"]["exported_key"]
    assert (exported["label"], exported["length"], len(exported["material"])) == ("label", 20, 40)
    assert "SSL_connect:SSLv3/TLS write client hello\n" in finished.err


def test_trace_is_told_as_trees(stage: Stage) -> None:
    records, _ = stage.play("-trace")
    messages = [each["decoded"]["nodes"][0] for each in of(records, "MessageSeen")]
    handshake = [each["value"]["name"] for each in messages if each["label"] == "handshake"]
    assert handshake[:2] == ["ClientHello", "ServerHello"]
    assert all(each["decoded"]["problem"] is None for each in of(records, "MessageSeen"))


def test_msgfile_is_written_all_the_same(stage: Stage) -> None:
    stage.play("-msg -msgfile messages.txt")
    assert ", ClientHello\n" in (stage.cwd / "messages.txt").read_text()


def test_brief_and_quiet_change_nothing_on_stdout(stage: Stage) -> None:
    records, brief = stage.play("-brief")
    assert "CONNECTION ESTABLISHED\nProtocol version: TLSv1.3\n" in brief.err
    quiet, _ = stage.play("-quiet -no_ign_eof")
    assert names(records) == names(quiet)


def test_no_session_secrets(stage: Stage) -> None:
    _, finished = stage.play("-tls1_2 -sess_out session.pem -prexit -trace -showcerts")
    printed = subprocess.run(
        ["openssl", "sess_id", "-in", "session.pem", "-noout", "-text"],
        cwd=stage.cwd, capture_output=True, text=True, check=True, timeout=20,
    ).stdout  # fmt: skip
    secret = printed.partition("Master-Key: ")[2].split()[0]
    assert len(secret) == 96
    assert secret.lower() not in finished.out.lower()
    assert "SESSION PARAMETERS" not in finished.out
