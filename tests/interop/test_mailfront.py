"""sslserver -n with programs that others wrote for UCSPI-TLS and its like: Debian's mailfront, and the clients of mail.

Its SMTP side announces STARTTLS when $UCSPITLS is set and sends `y`. Its POP3 side knows nothing of TLS: it is started
in the usual way within TLS, and behind a script of four lines that does STLS for it.
"""

from __future__ import annotations

import smtplib
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from interop.beside import Beside
from interop.daemons import program
from interop.watched import Watch, Watched
from support.fixtures import Run, Start, Workdir
from support.programs import TIME_LIMIT, Finished, Step, Until
from ucspi.serving import CLIENT_CAS, client_context

SMTP = ("smtp", "queuedir", "starttls-ucspi", "cvm-authenticate")
OPEN = ("accept", "add-received", "counters")
MEMBERS = ("require-auth", *OPEN)

GREETING = b"220 0 mailfront ESMTP\r\n"
READY = b"220 2.0.0 Ready to start TLS\r\n"
MAIL = b"Subject: a test\r\n\r\nQuite short.\r\n"
TRUST = "-CAfile root.pem -verify_return_error -verify_hostname localhost -servername localhost"

# STLS for a program that has none.
STLS = """
printf '+OK in clear\\r\\n'
read -r command && [ "${command%?}" = STLS ] || exit
printf '+OK begin\\r\\n'
printf y >&"$SSLCTLFD"
exec "$@" <&"$SSLREADFD" >&"$SSLWRITEFD"
"""


class MakeFront(Protocol):
    def __call__(self, words: Sequence[str], options: Sequence[str] = ..., **env: str) -> Watched: ...


@pytest.fixture
def directory(public: Path) -> Path:
    """With a queue, and alice's mailbox."""
    for name in ("queue/new", "queue/tmp", "Maildir/new", "Maildir/cur", "Maildir/tmp"):
        (public / name).mkdir(parents=True)
        (public / name).chmod(0o777)
    (public / "Maildir/new/1.one").write_bytes(MAIL.replace(b"\r\n", b"\n"))
    (public / "users").write_text(f"alice:secret:65534:65534:Alice:{public}:/bin/false\n")
    (public / "stls").write_text(STLS)
    return public


@pytest.fixture
def front(served: Watch, directory: Path) -> MakeFront:
    """Starts one of mailfront's programs behind sslserver."""

    def make(words: Sequence[str], options: Sequence[str] = ("-n", "-e"), **env: str) -> Watched:
        settings = {
            "UCSPITLS": "1",
            "AUTH_REQUIRES_TLS": "1",
            "CVM_SASL_PLAIN": program("cvm-pwfile"),
            "CVM_PWFILE_PATH": str(directory / "users"),
            "QUEUEDIR": "queue",
        }
        return served(words, options, {**settings, **env})

    return make


@pytest.fixture
def smtp(front: MakeFront) -> Watched:
    return front([program("mailfront"), *SMTP, *OPEN])


def pop3() -> list[str]:
    return [*map(program, ("pop3front-auth", "cvm-pwfile", "pop3front-maildir")), "Maildir"]


def mails(smtp: Watched) -> list[bytes]:
    """What was handed over: sender, recipients and text, as the queue has them."""
    return [path.read_bytes() for path in (smtp.directory / "queue/new").iterdir()]


def swaks(run: Run, front: Watched, *options: str) -> Finished:
    program("SSLeay.pm")  # that is what it speaks TLS with
    who = ("--from", "alice@example.net", "--to", "bob@example.net", "--helo", "client.example.net")
    text = ("--header", "Subject: a test", "--body", "Quite short.")
    return run([program("swaks"), "--server", front.address, *who, *text, *options], cwd=front.directory)


# --- a mail, by clients of all kinds ----------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_swaks_sends_a_mail(version: str, smtp: Watched, run: Run) -> None:
    trust = (
        "--tls",
        "--tls-verify",
        "--tls-ca-path",
        "root.pem",
        "--tls-protocol",
        f"tlsv{version.replace('.', '_')}",
    )
    sent = swaks(run, smtp, *trust)
    assert sent.code == 0, sent.out
    assert f"=== TLS started with cipher TLSv{version}:" in sent.out
    assert "<~  250 2.6.0 Message accepted." in sent.out
    [mail] = mails(smtp)
    sender, recipient, end, text = mail.split(b"\0", 3)
    assert (sender, recipient, end) == (b"alice@example.net", b"bob@example.net", b"")
    assert text.startswith(b"Received: from client.example.net ([127.0.0.1])\n  by 0 ([127.0.0.1])\n")
    assert b"\nSubject: a test\n" in text
    assert b"\nQuite short.\n" in text
    smtp.wait_for_end(0)
    assert_story(smtp, f"accept TLSv{version}:")


def assert_story(front: Watched, handshake: str) -> None:
    """The lines of one connection, all of them with the program's own pid."""
    log = front.server.log()
    story = log[log.index("status 1/40/0") :]
    [pid] = {line.split("[")[1].split("]")[0] for line in story if line.startswith("mailfront[")}
    said = [line for line in story if not line.startswith("mailfront[")]
    connection = (
        f"pid {pid} from 127.0.0.1",
        f"ok {pid} 0:127.0.0.1:{front.server.port} :127.0.0.1::",
        f"tls {pid} {handshake}",
        f"ended by {pid} status 0",
        "status 0/40/0",
    )
    assert len(said) == len(connection) + 1, said
    for line, expected in zip(said[1:], connection, strict=True):
        assert line.startswith(expected), said


def test_gnutls_sends_a_mail(smtp: Watched, start: Start) -> None:
    words = ["--starttls-proto=smtp", "--x509cafile=root.pem", "--port", str(smtp.server.port)]
    client = start([program("gnutls-cli"), *words, "localhost"], smtp.directory)
    crlf = [step.replace(b"\n", b"\r\n") if isinstance(step, bytes) else step for step in SESSION]
    client.talk([Until("- Handshake was completed"), *crlf])
    assert client.finish().code == 0
    assert [mail.endswith(MAIL.replace(b"\r\n", b"\n")) for mail in mails(smtp)] == [True]


SESSION: tuple[Step, ...] = (
    b"EHLO client.example.net\n",
    Until("250 PIPELINING"),
    b"MAIL FROM:<alice@example.net>\n",
    Until("250 2.1.0 Sender accepted."),
    b"RCPT TO:<bob@example.net>\n",
    Until("250 2.1.5 Recipient accepted."),
    b"DATA\n",
    Until("354 "),
    b"Subject: a test\n\nQuite short.\n.\n",
    Until("250 2.6.0 Message accepted."),
    b"QUIT\n",
    Until("221 2.0.0 Good bye."),
)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_s_client_sends_a_mail(version: str, smtp: Watched, start: Start, workdir: Workdir) -> None:
    """Ours, and then the original with the same words."""
    options = f"-connect {smtp.address} -starttls smtp {TRUST} {version} -quiet -crlf"
    Beside(start, workdir).run(options, SESSION)
    assert [mail.endswith(MAIL.replace(b"\r\n", b"\n")) for mail in mails(smtp)] == [True, True]


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_s_client_reads_a_mail(version: str, front: MakeFront, start: Start, workdir: Workdir) -> None:
    """STLS by the script. Ours, and then the original, as above."""
    mailbox = front(["sh", "stls", *pop3()])
    talk = (
        Until("+OK ", 2),  # in clear, and within TLS
        b"USER alice\n",
        Until("+OK ", 3),
        b"PASS secret\n",
        Until("+OK ", 4),
        b"RETR 1\n",
        Until("Quite short.\r\n"),
        b"QUIT\n",
    )
    masks = {"in clear?": "in clear"}  # the original shows its buffer, which ends elsewhere than the line
    Beside(start, workdir, masks).run(
        f"-connect {mailbox.address} -starttls pop3 {TRUST} {version} -quiet -crlf", talk
    )
    mailbox.wait_for_end(0, 2)


def test_curl_reads_a_mail(front: MakeFront, run: Run) -> None:
    """POP3 within TLS from the start, by a client and a server that nobody here wrote."""
    mailbox = front(pop3(), ("-e",))
    words = f"curl -sS --cacert root.pem pop3s://alice:secret@localhost:{mailbox.server.port}/1".split()
    fetched = run(words, cwd=mailbox.directory)
    assert (fetched.code, fetched.out.encode()) == (0, MAIL + b"\r\n"), fetched.err


# --- passwords --------------------------------------------------------------------------------------------------


def test_passwords_are_taken_within_tls_only(front: MakeFront, run: Run) -> None:
    smtp = front([program("mailfront"), *SMTP, *MEMBERS])
    alice = ("--auth", "plain", "--auth-user", "alice", "--auth-password")
    in_clear = swaks(run, smtp, *alice, "secret")
    assert "AUTH" not in "".join(line for line in in_clear.out.splitlines() if line.startswith("<-"))
    assert in_clear.code == 28, in_clear.out
    assert "<~* 501 Authentication failed." in swaks(run, smtp, "--tls", *alice, "wrong").out
    assert "<~* 530 " in swaks(run, smtp, "--tls").out
    assert mails(smtp) == []
    assert swaks(run, smtp, "--tls", *alice, "secret").code == 0
    assert len(mails(smtp)) == 1


# --- clients that do otherwise ----------------------------------------------------------------------------------


def exchange(plain: socket.socket, command: bytes, last_line: bytes) -> bytes:
    """Says something in clear and reads up to the line that ends the answer."""
    plain.sendall(command)
    answer = b""
    while not answer.endswith(last_line) and (piece := plain.recv(4096)):
        answer += piece
    assert answer.endswith(last_line), answer
    return answer


@contextmanager
def greeted(front: Watched) -> Iterator[socket.socket]:
    """A client that has said EHLO."""
    with front.server.dial() as plain:
        exchange(plain, b"", GREETING)
        assert b"250-STARTTLS\r\n" in exchange(plain, b"EHLO client.example.net\r\n", b"250 PIPELINING\r\n")
        yield plain


def quits(front: Watched) -> None:
    with greeted(front) as plain:
        exchange(plain, b"QUIT\r\n", b"221 2.0.0 Good bye.\r\n")
        assert plain.recv(1) == b""


def leaves(front: Watched) -> None:
    with greeted(front):
        pass


def resets(front: Watched) -> None:
    with greeted(front) as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("leave", [quits, leaves, resets])
def test_a_client_that_wants_no_tls(leave: Callable[[Watched], None], smtp: Watched) -> None:
    leave(smtp)
    smtp.server.wait_for_log("ended by ")
    assert " accept " not in smtp.server.process.err
    assert "error" not in smtp.server.process.err


def test_mconnect_sends_a_mail_in_clear(smtp: Watched, run: Run) -> None:
    """UCSPI's own client; TLS is the client's choice."""
    words = [step for step in SESSION if isinstance(step, bytes)]
    sent = run([program("mconnect"), "127.0.0.1", str(smtp.server.port)], b"".join(words))
    assert "221 2.0.0 Good bye." in sent.out
    assert len(mails(smtp)) == 1
    smtp.wait_for_end(0)


EVIL = b"MAIL FROM:<mallory@example.net>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\nevil\r\n.\r\n"


def test_what_is_injected_behind_starttls_is_refused(smtp: Watched) -> None:
    """CVE-2011-0411. mailfront had read it with the command, throws it away, and says so within TLS."""
    with greeted(smtp) as plain:
        exchange(plain, b"STARTTLS\r\n" + EVIL, READY)
        with client_context().wrap_socket(plain, server_hostname="localhost") as connection:
            said = exchange(connection, b"QUIT\r\n", b"221 2.0.0 Good bye.\r\n")
    assert said.splitlines()[0] == b"500 5.5.1 Unexpected pipelined commands following STARTTLS"
    assert len(said.splitlines()) == 2
    smtp.wait_for_end(0)
    assert mails(smtp) == []


def test_what_is_said_in_place_of_a_handshake_ends_it(smtp: Watched) -> None:
    with greeted(smtp) as plain:
        exchange(plain, b"STARTTLS\r\n", READY)
        plain.sendall(EVIL)
        assert b"250" not in read_rest(plain)
    smtp.server.wait_for_log("unable to accept TLS from: 127.0.0.1 for pid: ")
    smtp.wait_for_end(28416)
    assert mails(smtp) == []


def read_rest(plain: socket.socket) -> bytes:
    """Up to the end, orderly or not."""
    rest = b""
    try:
        while piece := plain.recv(4096):
            rest += piece
    except ConnectionResetError:
        pass
    return rest


CLIENT_HELLO = bytes.fromhex("16 03 01 00 c8 01 00 00 c4 03 03")  # the first bytes of one


@pytest.mark.parametrize("begun", [b"", CLIENT_HELLO], ids=["at once", "in a ClientHello"])
@pytest.mark.parametrize("leave", ["closes", "resets"])
def test_a_client_that_breaks_off_the_handshake(begun: bytes, leave: str, smtp: Watched) -> None:
    with greeted(smtp) as plain:
        exchange(plain, b"STARTTLS\r\n", READY)
        plain.sendall(begun)
        if leave == "resets":
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    smtp.server.wait_for_log("unable to accept TLS from: 127.0.0.1 for pid: ")
    smtp.wait_for_end(28416)


def test_a_client_that_says_nothing_more_has_its_time(front: MakeFront) -> None:
    smtp = front([program("mailfront"), *SMTP, *OPEN], ("-n", "-e", "-T", "1"))
    with greeted(smtp) as plain:
        exchange(plain, b"STARTTLS\r\n", READY)
        assert plain.recv(1) == b""
    smtp.server.wait_for_log("(-T)")
    smtp.wait_for_end(28416)


# --- clients' certificates --------------------------------------------------------------------------------------


def test_certificates_of_clients(front: MakeFront, run: Run) -> None:
    smtp = front([program("mailfront"), *SMTP, *OPEN], ("-n", "-e", "-m"), **CLIENT_CAS)
    without = swaks(run, smtp, "--tls", "--tls-protocol", "tlsv1_2")
    assert without.code == 29, without.out
    smtp.server.wait_for_log("peer did not return a certificate")
    stranger = swaks(run, smtp, "--tls", "--tls-cert", "selfsigned.pem", "--tls-key", "selfsigned.key")
    assert stranger.code != 0, stranger.out
    smtp.server.wait_for_log("certificate verify failed")
    smtp.wait_for_end(28416, 2)
    assert mails(smtp) == []
    assert swaks(run, smtp, "--tls", "--tls-cert", "client.pem", "--tls-key", "client.key").code == 0
    smtp.server.wait_for_log("valid client cert received for pid: ")
    assert len(mails(smtp)) == 1


def test_without_starttls_nobody_asks_for_a_certificate(front: MakeFront) -> None:
    smtp = front([program("mailfront"), *SMTP, *OPEN], ("-n", "-e", "-m"), **CLIENT_CAS)
    quits(smtp)
    smtp.wait_for_end(0)


# --- many -------------------------------------------------------------------------------------------------------

CLIENTS = 20


def test_twenty_at_once(smtp: Watched) -> None:
    """All are within TLS before the first sends its mail."""
    together = threading.Barrier(CLIENTS, timeout=TIME_LIMIT)

    def send(number: int) -> None:
        with smtplib.SMTP("127.0.0.1", smtp.server.port, timeout=TIME_LIMIT) as client:
            client.starttls(context=client_context())
            together.wait()
            client.sendmail(f"{number}@example.net", "bob@example.net", MAIL)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(send, range(CLIENTS)))
    senders = {mail.partition(b"@")[0] for mail in mails(smtp)}
    assert senders == {b"%d" % number for number in range(CLIENTS)}
    assert f"status {CLIENTS}/40/0" in smtp.server.log()
    smtp.wait_for_end(0, CLIENTS)


# --- as it is run -----------------------------------------------------------------------------------------------


def test_a_server_as_they_are_set_up(front: MakeFront, directory: Path, run: Run) -> None:
    """Rules, rblsmtpd before the program, the program as somebody else, keys read by root, TLS in a jail."""
    rules = '192.0.2.:deny\n127.0.0.1:allow,RBLSMTPD="",RELAYCLIENT=""\n:allow\n'
    made = run([program("tcprules"), "rules.cdb", "rules.tmp"], rules.encode(), cwd=directory)
    assert made.code == 0, made.err
    (directory / "rsa.key").chmod(0o600)
    jail = {"SSL_UID": "65534", "SSL_GID": "65534", "SSL_CHROOT": str(directory / "Maildir")}
    options = ("-n", "-se", "-Xx", "rules.cdb", "-u65534", "-g", "65534", "-c", "3")
    smtp = front(
        [program("rblsmtpd"), program("mailfront"), *SMTP, "accept-sender", "relayclient"], options, **jail
    )
    sent = swaks(run, smtp, "--tls")
    assert sent.code == 0, sent.out
    [mail] = (directory / "queue/new").iterdir()
    assert mail.stat().st_uid == 65534


def test_rblsmtpd_refuses_before_tls(front: MakeFront, directory: Path, run: Run) -> None:
    """Its reply comes in clear: nobody has asked for TLS."""
    made = run(
        [program("tcprules"), "rules.cdb", "rules.tmp"], b':allow,RBLSMTPD="-Not from you"\n', cwd=directory
    )
    assert made.code == 0, made.err
    smtp = front(
        [program("rblsmtpd"), program("smtpfront-echo"), "starttls-ucspi", "accept"], ("-nex", "rules.cdb")
    )
    assert "553 Not from you" in swaks(run, smtp).out
    assert "-STARTTLS" not in swaks(run, smtp, "--tls").out
    smtp.wait_for_end(0, 2)
