"""s_server -json with the original's s_client: whole runs, every line checked against the schema."""

from __future__ import annotations

import shlex
import signal
import socket
import time
from pathlib import Path

import pytest

from support.fixtures import Start, Workdir
from support.programs import OPENSSL, OURS, Eof, Finished, Running, Until, wait_for
from support.schema import Told, told

RSA = "-cert rsa.pem -key rsa.key"


class Scene:
    """A server with -json on a port of its own."""

    def __init__(self, start: Start, directory: Path, options: str) -> None:
        self.start = start
        self.directory = directory
        words = ["-json", "-accept", "127.0.0.1:0", *shlex.split(f"{RSA} {options}")]
        self.server: Running = start([*OURS, "s_server", *words], directory)
        self.server.until('"Listening"')
        wait_for("the whole line", lambda: self.server.out.endswith("\n"))
        self.address: str = told(self.server.out)[-1]["address"]

    def client(self, options: str = "") -> Running:
        return self.start(
            [*OPENSSL, "s_client", "-connect", self.address, *shlex.split(options)], self.directory
        )

    def plain(self) -> socket.socket:
        host, _, port = self.address.rpartition(":")
        return socket.create_connection((host, int(port)), timeout=20)

    def finish(self) -> tuple[list[Told], Finished]:
        finished = self.server.finish()
        return told(finished.out), finished


def of(records: list[Told], event: str) -> list[Told]:
    return [record for record in records if record["event"] == event]


def names(records: list[Told], connection: int) -> list[str]:
    return [record["event"] for record in records if record.get("connection") == connection]


def test_interactive_server(start: Start, workdir: Workdir) -> None:
    scene = Scene(start, workdir("here"), "-naccept 2 -verify 1 -CAfile root.pem")
    for options in ("-cert client.pem -key client.key -tls1_2 -servername a.example", "-tls1_3"):
        client = scene.client(options)
        client.send(b"ahoy\n")
        scene.server.until("61686f790a", client.argv.count("-tls1_3") + 1)
        client.eof()
        client.finish()
    records, finished = scene.finish()

    assert finished.code == 0
    assert "DONE" not in finished.out
    assert [record["event"] for record in records[:1]] == ["Started"]
    assert records[-1]["event"] == "StatisticsTaken"
    assert records[-1]["statistics"]["accepts_finished"] == 2
    assert names(records, 1)[0] == "Connected"
    assert names(records, 1)[-1] == "ConnectionSummarized"
    first, second = of(records, "ConnectionSummarized")
    assert (first["connection"], second["connection"]) == (1, 2)
    assert (first["error"], first["closed"], first["local"]) == (None, "peer", scene.address)
    assert first["peer"].startswith("127.0.0.1:")
    assert 0 < first["handshake"] <= first["total"]
    summary = first["summary"]
    assert (summary["version"], summary["server_name"]) == ("TLSv1.2", "a.example")
    assert summary["chain"][0]["subject"] == "C = DE, O = tlsdeck, CN = a client"
    assert summary["bytes_read"] > 500
    assert (second["summary"]["version"], second["summary"]["chain"]) == ("TLSv1.3", [])
    assert [bytes.fromhex(record["data"]) for record in of(records, "DataReceived")] == [b"ahoy\n"] * 2


def test_failed_handshake_is_summarized(start: Start, workdir: Workdir) -> None:
    scene = Scene(start, workdir("here"), "-naccept 2 -tls1_3")
    scene.client("-tls1_2").finish()
    with scene.plain() as connection:
        connection.sendall(b"this is no TLS\r\n")
        connection.recv(100)
    records, _ = scene.finish()
    refused, garbage = of(records, "ConnectionSummarized")
    assert (refused["closed"], refused["error"]) == ("failed", "unsupported protocol")
    assert refused["alerts"] == [{"sent": True, "level": "fatal", "description": "protocol version"}]
    assert (garbage["closed"], garbage["error"]) == ("failed", "wrong version number")
    assert [record["connection"] for record in of(records, "HandshakeFailed")] == [1, 2]


def test_reversing_server(start: Start, workdir: Workdir) -> None:
    scene = Scene(start, workdir("here"), "-rev -naccept 2")
    client = scene.client()
    client.talk([b"ping\n", Until("gnip"), Eof()])
    client.finish()
    client = scene.client()
    client.talk([b"CLOSE\n"])
    client.finish()
    records, _ = scene.finish()
    assert [record["closed"] for record in of(records, "ConnectionSummarized")] == ["peer", "local"]
    assert of(records, "DataReceived")[0]["data"] == b"ping\n".hex()
    assert len(of(records, "HandshakeCompleted")) == 2


@pytest.mark.parametrize("mode", ["-www", "-WWW", "-HTTP"])
def test_web_server(mode: str, start: Start, workdir: Workdir) -> None:
    """Clients at once: the records of each have its number."""
    scene = Scene(start, workdir("here"), f"{mode} -naccept 2")
    request = b"GET /root.pem HTTP/1.0\r\n\r\n"
    silent = scene.plain()
    client = scene.client("-quiet")
    client.send(request)
    client.finish()
    silent.close()
    records, _ = scene.finish()
    first, second = sorted(of(records, "ConnectionSummarized"), key=lambda record: int(record["connection"]))
    assert (first["closed"], first["handshake"]) == ("cut-off", first["handshake"])
    assert (second["closed"], second["error"]) == ("local", None)
    assert second["summary"]["cipher"] == "TLS_AES_256_GCM_SHA384"
    (data,) = of(records, "DataReceived")
    assert (data["connection"], bytes.fromhex(data["data"])) == (2, request)
    assert [record["name"] for record in of(records, "FileServed")] == ["root.pem"] * (mode != "-www")


@pytest.mark.parametrize("mode", ["-rev", ""])
def test_time_limits(mode: str, start: Start, workdir: Workdir) -> None:
    scene = Scene(start, workdir("here"), f"{mode} -naccept 2 -handshake_timeout 0.3 -idle_timeout 0.6")
    with scene.plain() as silent:
        assert silent.recv(100) in (b"", silent_alert())
    client = scene.client()
    client.finish()
    records, finished = scene.finish()
    first, second = of(records, "ConnectionSummarized")
    assert (first["closed"], second["closed"]) == ("time-limit", "time-limit")
    assert first["error"] == "handshake not complete after 0.3 seconds (-handshake_timeout)"
    assert second["error"] == "no data for 0.6 seconds (-idle_timeout)"
    assert 0.3 <= first["total"] < 5
    for each in (first, second):
        assert each["error"] in finished.err


def silent_alert() -> bytes:
    """What may come before the end: nothing is agreed on yet, so it is in the clear."""
    return bytes.fromhex("15 03 01 00 02 01 00")


def test_letters_are_told(start: Start, workdir: Workdir) -> None:
    scene = Scene(start, workdir("here"), "-naccept 1")
    client = scene.client()
    scene.server.until('"HandshakeCompleted"')
    for letter, event in (
        (b"k\n", "HandshakeRepeated"),
        (b"c\n", "CertificateRequestFailed"),
        (b"S\n", "Stat"),
    ):
        scene.server.send(letter)
        scene.server.until(f'"{event}')
    scene.server.send(b"q\n")
    client.finish()
    records, _ = scene.finish()
    (summary,) = of(records, "ConnectionSummarized")
    assert (summary["closed"], summary["key_updates_sent"]) == ("local", 1)
    assert [record.get("connection") for record in of(records, "StatisticsTaken")] == [1, None]


def test_no_secret_is_told(start: Start, workdir: Workdir) -> None:
    directory = workdir("here")
    scene = Scene(
        start, directory, "-rev -naccept 1 -keylogfile keys.log -msg -debug -state -trace -tlsextdebug"
    )
    client = scene.client("-tls1_2 -sess_out s.pem")
    client.talk([b"ping\n", Until("gnip"), Eof()])
    client.finish()
    _, finished = scene.finish()
    secrets = [line.split()[-1] for line in (directory / "keys.log").read_text().splitlines()[1:]]
    assert secrets
    for secret in secrets:
        assert secret.lower() not in finished.out.lower()


def test_server_that_cannot_start_says_so(start: Start, workdir: Workdir) -> None:
    finished = start([*OURS, "s_server", "-json", "-cert", "nowhere.pem"], workdir("here")).finish()
    records = told(finished.out)
    assert [record["event"] for record in records] == ["Started", "SetupFailed"]
    assert "nowhere.pem" in finished.err
    assert finished.code == 1


@pytest.mark.parametrize("mode", ["", "-rev"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_server_ended_by_a_signal_writes_its_last_records(
    mode: str, number: signal.Signals, start: Start, workdir: Workdir
) -> None:
    scene = Scene(start, workdir("here"), mode)
    scene.client().send(b"ping\n")
    scene.server.until('"DataReceived"')
    scene.server.popen.send_signal(number)
    records, finished = scene.finish()
    assert finished.code == -number
    assert [record["event"] for record in records[-2:]] == ["ConnectionSummarized", "StatisticsTaken"]
    assert records[-1]["statistics"]["accepts_finished"] == 1


@pytest.mark.parametrize("mode", ["", "-rev"])
def test_server_ended_without_a_client_writes_its_last_record(
    mode: str, start: Start, workdir: Workdir
) -> None:
    scene = Scene(start, workdir("here"), mode)
    scene.server.popen.send_signal(signal.SIGTERM)
    records, finished = scene.finish()
    assert finished.code == -signal.SIGTERM
    assert records[-1]["event"] == "StatisticsTaken"


def test_datagrams(start: Start, workdir: Workdir) -> None:
    """There is no connection before the handshake, and nobody has been waited for in its time."""
    scene = Scene(start, workdir("here"), "-dtls -naccept 1")
    time.sleep(0.5)
    client = scene.client("-dtls")
    client.send(b"ahoy\n")
    scene.server.until("61686f790a")
    client.eof()
    client.finish()
    records, _ = scene.finish()
    (summary,) = of(records, "ConnectionSummarized")
    assert summary["summary"]["version"] == "DTLSv1.2"
    assert (summary["closed"], summary["handshake"], summary["peer"]) == ("peer", None, None)
    assert 0 < summary["total"] < records[-1]["time"] - 0.5
