"""What clients' certificates are worth: CCAVERIFY in mod_ssl's words, depth, names, and sessions that stand for them."""

from __future__ import annotations

import datetime as dt
import ssl
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from support.fixtures import Run, Start
from support.nameserver import zone
from support.pki import DAY, TODAY, Identity, authority, leaf, pem, populate, private
from support.programs import OURS
from ucspi.peers import name_server, reverse, rules
from ucspi.serving import CERTIFICATE, QUICK, Server, ask, client_context, read_all, serve, variables

TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
SHOW = ["sh", "-c", 'echo "$SSL_CLIENT_VERIFY" "$SSL_CLIENT_S_DN_CN" ${SSL_CLIENT_CERT_CHAIN_0:+with chain}']
REFUSED = None


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, pki: dict[str, bytes]) -> Path:
    """A directory with the usual files, an authority of its own (house.pem) and its clients."""
    directory = populate(tmp_path_factory.mktemp("house"), pki)
    root, strange = authority("the house", None), authority("a strange house", None)
    inter1 = authority("first floor", root)
    inter2 = authority("second floor", inter1)
    clients = {
        "good": issue("good", root),
        "expired": issue("expired", root, end=TODAY - DAY),
        "server": issue("server", root, usage="server"),
        "alone": issue("alone", None),
        "foreign": issue("foreign", strange),
        "foreign-expired": issue("foreign-expired", strange, end=TODAY - DAY),
        "foreign-server": issue("foreign-server", strange, usage="server"),
        "one": issue("one", inter1),
        "two": issue("two", inter2),
        "wild": issue("wild", root, hosts=["*.Wild.Example", "other.example"]),
        "address": issue("address", root, hosts=[ADDRESSED]),
        "cn": issue("cn.example", root),
        "cn-and-san": issue("cn.example", root, hosts=["san.example"]),
    }
    chains = {"one": [inter1], "two": [inter2, inter1]}
    (directory / "house.pem").write_bytes(pem(root.certificate))
    (directory / "strange.pem").write_bytes(pem(strange.certificate))
    for name, client in clients.items():
        chain = b"".join(pem(each.certificate) for each in chains.get(name, []))
        (directory / f"{name}.pem").write_bytes(pem(client.certificate) + chain)
        (directory / f"{name}.key").write_bytes(private(client.key))
    return directory


def issue(
    name: str,
    issuer: Identity | None,
    *,
    hosts: Sequence[str] = (),
    usage: str = "client",
    end: dt.datetime = TODAY + 30 * DAY,
) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    return leaf(name, issuer, key, hosts, start=TODAY - 9 * DAY, end=end, usage=usage)


@pytest.fixture(scope="module")
def serving(start_once: Start, house: Path) -> Callable[..., Server]:
    """A server with these options and variables; one for each set of them."""
    known: dict[object, Server] = {}

    def serve_once(*options: str, **env: str) -> Server:
        key = (options, *sorted(env.items()))
        if key not in known:
            known[key] = serve(start_once, house, SHOW, ["-s", *options], {"CAFILE": "house.pem", **env})
        return known[key]

    return serve_once


Serving = Callable[..., Server]


def context(house: Path, client: str, version: ssl.TLSVersion = TLS_1_3) -> ssl.SSLContext:
    result = client_context(house / f"{client}.pem" if client else None)
    result.minimum_version = result.maximum_version = version
    return result


def shown(server: Server, context: ssl.SSLContext, source: str = "") -> str | None:
    """What the program shows; nothing when the client is not let in."""
    try:
        return ask(server, context=context, source=source).decode().strip()
    except (ssl.SSLError, ConnectionError):
        return REFUSED


# --- CCAVERIFY ---------------------------------------------------------------------------------------------------

EXPIRED = "FAILED:certificate has expired"
CASES = [
    ("", {"": "NONE", "good": "NONE", "alone": "NONE"}),
    (
        "optional",
        {"": "NONE", "good": "SUCCESS good", "expired": REFUSED, "alone": REFUSED, "foreign": REFUSED},
    ),
    (
        "optional_no_ca",
        {
            "": "NONE",
            "good": "SUCCESS good",
            "one": "SUCCESS one with chain",
            "alone": "GENEROUS alone",
            "foreign": "GENEROUS foreign",
            "expired": f"{EXPIRED} expired",
            "foreign-expired": f"{EXPIRED} foreign-expired",
            "server": "FAILED:unsuitable certificate purpose server",
            "foreign-server": "FAILED:unsuitable certificate purpose foreign-server",
            "two": "FAILED:certificate chain too long two with chain",
        },
    ),
    (
        "require",
        {"": REFUSED, "good": "SUCCESS good", "alone": REFUSED, "expired": REFUSED, "server": REFUSED},
    ),
    ("1", {"": REFUSED, "good": "SUCCESS good"}),
    ("OPTIONAL", {"": REFUSED, "good": "SUCCESS good"}),
]


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
@pytest.mark.parametrize("word, clients", CASES)
def test_what_each_word_makes_of_clients(
    serving: Serving, house: Path, word: str, clients: dict[str, str | None], version: ssl.TLSVersion
) -> None:
    server = serving(CCAVERIFY=word)
    found = {client: shown(server, context(house, client, version)) for client in clients}
    assert found == clients


@pytest.mark.parametrize("options, env", [(["-m"], {}), (["-z"], {}), (["-m"], {"CCAVERIFY": "optional"})])
def test_the_command_line_demands_whatever_the_variable_says(
    serving: Serving, house: Path, options: list[str], env: dict[str, str]
) -> None:
    server = serving(*options, CCAFILE="house.pem", **env)
    assert shown(server, context(house, "")) is REFUSED
    assert shown(server, context(house, "alone")) is REFUSED
    assert shown(server, context(house, "good")) == "SUCCESS good"


@pytest.mark.parametrize("options", [["-mZ"], ["-zZ"], []])
def test_z_asks_for_none(serving: Serving, house: Path, options: list[str]) -> None:
    assert shown(serving(*options, CCAFILE="house.pem"), context(house, "good")) == "NONE"


def test_the_log_says_that_a_certificate_is_valid_only_when_it_is(start: Start, house: Path) -> None:
    server = serve(start, house, SHOW, ["-s"], {"CAFILE": "house.pem", "CCAVERIFY": "optional_no_ca"})
    for client in ("", "alone", "expired", "good"):
        ask(server, context=context(house, client))
    server.wait_for_log("ended by", 4)
    assert server.process.err.count("info: valid client cert received for pid: ") == 1


def test_optional_no_ca_needs_no_authority_at_all(start: Start, house: Path) -> None:
    server = serve(start, house, SHOW, ["-s"], {"CCAVERIFY": "optional_no_ca"})
    assert shown(server, context(house, "good")) == "GENEROUS good"
    assert shown(server, context(house, "expired")) == f"{EXPIRED} expired"


def test_a_rule_says_for_whom_which_word_holds(start: Start, run: Run, house: Path) -> None:
    lines = ["127.0.0.1:allow", '127.0.0.2:allow,CCAVERIFY="optional_no_ca"', ':allow,CCAVERIFY="1"']
    rules(run, house, "\n".join(lines))
    server = serve(start, house, SHOW, ["-s", "-x", "rules.cdb"], {"CAFILE": "house.pem"})
    alone = context(house, "alone")
    found = [shown(server, alone, source=f"127.0.0.{end}") for end in (1, 2, 3)]
    assert found == ["NONE", "GENEROUS alone", REFUSED]


def test_a_rule_switches_the_request_off(start: Start, run: Run, house: Path) -> None:
    rules(run, house, '127.0.0.2:allow,CCAFILE="-"\n')
    env = {"CAFILE": "house.pem", "CCAFILE": "house.pem"}
    server = serve(start, house, SHOW, ["-sz", "-x", "rules.cdb"], env)
    good = context(house, "good")
    assert shown(server, good, source="127.0.0.2") == "NONE"
    assert shown(server, good, source="127.0.0.3") == "SUCCESS good"


# --- sessions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
@pytest.mark.parametrize("client", ["", "good", "alone", "expired"])
def test_a_resumed_session_is_worth_what_the_first_was(
    serving: Serving, house: Path, client: str, version: ssl.TLSVersion
) -> None:
    server = serving(CCAVERIFY="optional_no_ca")
    known = context(house, client, version)
    with server.connect(known) as first:
        expected = read_all(first)
        session = first.session
    for _ in range(2):
        with server.connect(known, session=session) as second:
            assert read_all(second) == expected
            assert second.session_reused


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
@pytest.mark.parametrize(
    "client, first_word", [("alone", "optional_no_ca"), ("", "optional"), ("good", "optional")]
)
def test_a_session_is_not_resumed_under_another_word(
    start: Start, run: Run, house: Path, client: str, first_word: str, version: ssl.TLSVersion
) -> None:
    """One that came in without a valid certificate must not pass where one is demanded."""
    rules(run, house, f':allow,CCAVERIFY="{first_word}"\n')
    server = serve(start, house, SHOW, ["-s", "-x", "rules.cdb"], {"CAFILE": "house.pem"})
    known = context(house, client, version)
    with server.connect(known) as first:
        read_all(first)
        session = first.session
    rules(run, house, ':allow,CCAVERIFY="require"\n')
    if client != "good":
        with pytest.raises((ssl.SSLError, ConnectionError)), server.connect(known, session=session) as second:
            read_all(second)
        return
    with server.connect(known, session=session) as second:
        assert read_all(second) == b"SUCCESS good\n"
        assert not second.session_reused


# --- authorities -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "env, client, good",
    [
        ({}, "one", True),
        ({}, "two", False),
        ({"VERIFYDEPTH": "2"}, "two", True),
        ({"VERIFYDEPTH": "0"}, "one", False),
        ({"VERIFYDEPTH": "0"}, "good", True),
        ({"CAFILE": "strange.pem"}, "good", False),
        ({"CAFILE": "strange.pem"}, "foreign", True),
        ({"CAFILE": "", "CADIR": "hashed"}, "good", True),
        ({"CAFILE": "", "CADIR": "hashed"}, "foreign", False),
        ({"CAFILE": "strange.pem", "CADIR": "hashed"}, "good", True),
        ({"CAFILE": "strange.pem", "CADIR": "hashed"}, "foreign", True),
    ],
)
def test_whom_we_trust_and_how_far(
    serving: Serving, house: Path, env: dict[str, str], client: str, good: bool
) -> None:
    hashed(house)
    found = shown(serving(CCAVERIFY="1", **env), context(house, client))
    assert (found or "").startswith(f"SUCCESS {client}") is good
    assert (found is REFUSED) is not good


def hashed(house: Path) -> None:
    """A directory as openssl-rehash(1) makes it, with the house's authority."""
    (house / "hashed").mkdir(exist_ok=True)
    (house / "hashed" / "house.pem").write_bytes((house / "house.pem").read_bytes())
    subprocess.run(["openssl", "rehash", "hashed"], cwd=house, check=True, timeout=20)


@pytest.mark.parametrize("env, names", [({"CCAFILE": "both.cas"}, 2), ({}, 0)])
def test_clients_are_told_whose_certificates_we_take(
    serving: Serving, run: Run, house: Path, env: dict[str, str], names: int
) -> None:
    (house / "both.cas").write_bytes(
        (house / "house.pem").read_bytes() + (house / "strange.pem").read_bytes()
    )
    server = serving(CCAVERIFY="optional", **env)
    result = run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}"], cwd=house)
    assert result.out.count("CN = the house\n") == (names > 0)
    assert result.out.count("CN = a strange house\n") == (names > 0)
    assert ("No client certificate CA names sent" in result.out) is not bool(names)


def test_a_rule_may_name_other_authorities(start: Start, run: Run, house: Path) -> None:
    rules(run, house, '127.0.0.2:allow,CAFILE="strange.pem"\n127.0.0.3:allow,VERIFYDEPTH="0"\n')
    server = serve(start, house, SHOW, ["-s", "-x", "rules.cdb"], {"CAFILE": "house.pem", "CCAVERIFY": "1"})
    for source, client, good in (
        ("127.0.0.1", "one", True),
        ("127.0.0.2", "one", False),
        ("127.0.0.2", "foreign", True),
        ("127.0.0.3", "one", False),
        ("127.0.0.3", "good", True),
    ):
        assert (shown(server, context(house, client), source=source) is not REFUSED) is good


# --- names (-z) --------------------------------------------------------------------------------------------------

WILD, DEEPER, NAMED, SAN, NAMELESS, ADDRESSED, LIAR = (f"127.97.0.{number}" for number in range(1, 8))
NAMES = zone(
    f"{reverse(WILD)} PTR www.wild.example.",
    f"www.wild.example. A {WILD}",
    f"{reverse(DEEPER)} PTR a.b.wild.example.",
    f"{reverse(NAMED)} PTR cn.example.",
    f"{reverse(SAN)} PTR san.example.",
    f"{reverse(ADDRESSED)} PTR liar.example.",
    f"{reverse(LIAR)} PTR www.wild.example.",
)


@pytest.fixture(scope="module")
def dns() -> Iterator[str]:
    with name_server(NAMES) as server:
        yield server.address[0]


@pytest.mark.parametrize(
    "options, source, client, good",
    [
        (["-zh"], WILD, "wild", True),
        (["-zh"], WILD, "good", False),
        (["-zh"], DEEPER, "wild", False),
        (["-zh"], NAMED, "cn", True),
        (["-zh"], NAMED, "cn-and-san", False),
        (["-zh"], SAN, "cn-and-san", True),
        (["-zh"], SAN, "cn", False),
        (["-zh"], NAMELESS, "good", True),
        (["-zH"], WILD, "good", True),
        (["-mh"], WILD, "good", True),
        (["-zmh"], WILD, "good", True),
        (["-zhp"], WILD, "wild", True),
        (["-zhp"], LIAR, "wild", False),
        (["-zhp"], ADDRESSED, "address", True),
        (["-zhp"], LIAR, "address", False),
    ],
)
def test_z_compares_names_and_addresses(
    serving: Serving, house: Path, dns: str, options: list[str], source: str, client: str, good: bool
) -> None:
    server = serving(*options, CCAFILE="house.pem", DNSCACHEIP=dns)
    found = shown(server, context(house, client), source=source)
    if good:
        assert (found or "").startswith("SUCCESS")
        return
    assert found is REFUSED
    server.wait_for_log(
        f"error: (110) client hostname does not match certificate: {name_of(options, source)}"
    )


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_z_compares_again_when_a_session_is_resumed(
    serving: Serving, house: Path, dns: str, version: ssl.TLSVersion
) -> None:
    server = serving("-zh", CCAFILE="house.pem", DNSCACHEIP=dns)
    known = context(house, "wild", version)
    with server.connect(known, source=WILD) as first:
        assert read_all(first).startswith(b"SUCCESS")
        session = first.session
    with server.connect(known, source=WILD, session=session) as second:
        assert read_all(second).startswith(b"SUCCESS")
        assert second.session_reused
    with server.connect(known, source=SAN, session=session) as third:
        assert third.session_reused
        with pytest.raises(ssl.SSLError, match=r"(?i)eof"):
            read_all(third)
    server.wait_for_log("error: (110) client hostname does not match certificate: san.example")


def name_of(options: list[str], source: str) -> str:
    """What the certificate is compared with: the address when the name has another one."""
    names = {WILD: "www.wild.example", DEEPER: "a.b.wild.example", NAMED: "cn.example", SAN: "san.example"}
    return source if "p" in options[0] else names[source]


# --- what is not right at the start ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "env, words, text",
    [
        ({}, ["-m"], "unable to load client CA list: CCAFILE is not set"),
        ({"CCAFILE": ""}, ["-z"], "unable to load client CA list: CCAFILE is not set"),
        ({"CCAFILE": "house.pem"}, ["-m"], "unable to load CA list: neither CAFILE nor CADIR is set"),
        ({"CCAVERIFY": "optional"}, [], "unable to load CA list: neither CAFILE nor CADIR is set"),
        ({"CCAVERIFY": "1", "CAFILE": "missing.pem"}, [], "unable to load CA list: "),
        ({"CCAVERIFY": "1", "CAFILE": "junk.pem"}, [], "unable to load CA list: "),
        (
            {"CCAVERIFY": "1", "CAFILE": "house.pem", "CCAFILE": "junk.pem"},
            [],
            "unable to load client CA list: ",
        ),
        ({"CCAVERIFY": "1", "CAFILE": "house.pem", "VERIFYDEPTH": "x"}, [], "unable to use VERIFYDEPTH: "),
    ],
)
def test_what_is_wrong_about_authorities_is_fatal(
    run: Run, house: Path, env: dict[str, str], words: list[str], text: str
) -> None:
    command = [*OURS, "sslserver", *QUICK, *words, "127.0.0.1", "0", "true"]
    result = run(command, cwd=house, env={**CERTIFICATE, **env})
    assert result.code == 111
    assert result.err.startswith(f"sslserver: fatal: (111) {text}")
    assert result.err.count("\n") == 1


# --- what the program is told ------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_both_certificates_and_the_chain_in_full(start: Start, house: Path, version: ssl.TLSVersion) -> None:
    env = {"CAFILE": "house.pem", "CCAVERIFY": "1", "VERIFYDEPTH": "2"}
    server = serve(start, house, ["env", "-0"], ["-s"], env)
    found = variables(ask(server, context=context(house, "two", version)))
    leaf_pem, *chain = split((house / "two.pem").read_text())
    for prefix, pem_text in (("SSL_CLIENT", leaf_pem), ("SSL_SERVER", (house / "rsa.pem").read_text())):
        facts = {name: found[f"{prefix}_{name}"] for name in ABOUT_A_CERTIFICATE}
        assert facts == about(pem_text)
    assert [found[f"SSL_CLIENT_CERT_CHAIN_{number}"] for number in range(len(chain))] == chain
    assert f"SSL_CLIENT_CERT_CHAIN_{len(chain)}" not in found
    assert found["SSL_CLIENT_I_DN_CN"] == "second floor"


ABOUT_A_CERTIFICATE = (
    "M_VERSION", "M_SERIAL", "S_DN", "S_DN_CN", "S_DN_C", "S_DN_O", "I_DN", "I_DN_CN",
    "V_START", "V_END", "A_SIG", "A_KEY", "CERT",
)  # fmt: skip


def about(pem_text: str) -> dict[str, str]:
    """The same by other means."""
    certificate = x509.load_pem_x509_certificate(pem_text.encode())
    kind = (
        "id-ecPublicKey"
        if isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
        else "rsaEncryption"
    )
    facts = {"M_VERSION": "3", "M_SERIAL": str(certificate.serial_number), "A_KEY": kind, "CERT": pem_text}
    facts["A_SIG"] = "sha256WithRSAEncryption"
    for letter, name in (("S", certificate.subject), ("I", certificate.issuer)):
        parts = {each.rfc4514_attribute_name: str(each.value) for each in name}
        facts[f"{letter}_DN"] = "".join(f"/{kind}={value}" for kind, value in parts.items())
        facts[f"{letter}_DN_CN"] = parts["CN"]
        if letter == "S":
            facts |= {"S_DN_C": parts["C"], "S_DN_O": parts["O"]}
    for which, moment in (
        ("START", certificate.not_valid_before_utc),
        ("END", certificate.not_valid_after_utc),
    ):
        facts[f"V_{which}"] = f"{moment:%b} {moment.day:2} {moment:%H:%M:%S %Y} GMT"
    return facts


def split(text: str) -> list[str]:
    end = "-----END CERTIFICATE-----\n"
    return [piece + end for piece in text.split(end)[:-1]]


# --- distinguished names -----------------------------------------------------------------------------------------


def test_the_environment_of_a_hostile_certificate_is_still_an_environment(start: Start, house: Path) -> None:
    """Every part that has a variable, twice where it may be; line ends, NUL, UTF-8, `=`; and one much too long."""
    subject = x509.Name([x509.NameAttribute(x509.ObjectIdentifier(kind), value) for kind, value in SUBJECT])
    write_client(house, "hostile", subject)
    server = serve(start, house, ["env", "-0"], ["-s"], {"CCAVERIFY": "optional_no_ca"})
    text = ask(server, context=context(house, "hostile"))
    found = variables(text)
    parts = {name.removeprefix("SSL_CLIENT_S_DN_"): value for name, value in found.items() if "S_DN_" in name}
    own = {name: value for name, value in parts.items() if not name.startswith("SSL_SERVER")}
    assert own == PARTS
    assert found["SSL_CLIENT_S_DN"] == DN
    assert found["SSL_CLIENT_VERIFY"] == "GENEROUS"
    assert found["SSL_CLIENT_A_KEY"] == "id-ecPublicKey"


SUBJECT = [
    ("2.5.4.6", "DE"),
    ("2.5.4.8", "Hessen"),
    ("2.5.4.7", "Frankfurt=Main"),
    ("2.5.4.10", "A/B+C"),
    ("2.5.4.11", "Net"),
    ("2.5.4.11", "Sec"),
    ("2.5.4.3", "Bücher\nSSL_CLIENT_VERIFY=SUCCESS"),
    ("2.5.4.12", "Dr."),
    ("2.5.4.43", "B.M."),
    ("2.5.4.42", "Given"),
    ("2.5.4.4", "Sur\x1b[2J"),
    ("2.5.4.13", "x" * 5000),
    ("0.9.2342.19200300.100.1.25", "org"),
    ("0.9.2342.19200300.100.1.1", "another uid"),
    ("1.2.840.113549.1.9.1", "me@example.org"),
    ("1.2.3.4.5", "nobody knows"),
]
PARTS = {
    "C": "DE",
    "ST": "Hessen",
    "L": "Frankfurt=Main",
    "O": "A/B+C",
    "OU": "Sec",
    "CN": "Bücher\nSSL_CLIENT_VERIFY=SUCCESS",
    "T": "Dr.",
    "I": "B.M.",
    "G": "Given",
    "S": "Sur\x1b[2J",
    "D": "x" * 5000,
    "Email": "me@example.org",
}
DN = (
    "/C=DE/ST=Hessen/L=Frankfurt=Main/O=A\\/B\\+C/OU=Net/OU=Sec/CN=B\\xC3\\xBCcher\\x0ASSL_CLIENT_VERIFY=SUCCESS"
    "/title=Dr./initials=B.M./GN=Given/SN=Sur\\x1B[2J/description=" + "x" * 5000 + "/DC=org/UID=another uid"
    "/emailAddress=me@example.org/1.2.3.4.5=nobody knows"
)


def write_client(house: Path, name: str, subject: x509.Name) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(3735928559)
        .not_valid_before(TODAY - DAY)
        .not_valid_after(TODAY + DAY)
    )
    (house / f"{name}.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    (house / f"{name}.key").write_bytes(private(key))
