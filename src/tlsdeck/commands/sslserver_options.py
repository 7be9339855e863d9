"""The options of sslserver, a row each (sslserver(1) of ucspi-ssl)."""

from __future__ import annotations

from tlsdeck.options import kinds
from tlsdeck.options.getopt import COUNT, count
from tlsdeck.options.reader import Options
from tlsdeck.options.rows import Section, constructor, flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.options.rows import Constructor

# Kinds of value; the words tell a person and the shells' completion what is meant.
RULES, BANNER, INTERFACE, NAME = (
    kinds.STRING.replace(word=word) for word in ("rules.cdb", "banner", "interface", "name")
)
UID, GID, SECONDS = (COUNT.replace(word=word) for word in ("uid", "gid", "seconds"))

rules: Constructor[str | None] = constructor(RULES)
banner_text: Constructor[str | None] = constructor(BANNER)
interface_name: Constructor[str | None] = constructor(INTERFACE)
host_name: Constructor[str | None] = constructor(NAME)
user_id: Constructor[int | None] = constructor(UID)
group_id: Constructor[int | None] = constructor(GID)
seconds: Constructor[int | None] = constructor(SECONDS)

QUIET, ERRORS, STATUS, DETAILS = range(4)


class General(Section):
    title = "General"
    verbosity: int = ERRORS
    quiet: bool = flag("Say nothing, not even what goes wrong", name="q", verbosity=QUIET)
    errors: bool = flag("Say what goes wrong; the default", name="Q", verbosity=ERRORS)
    status: bool = flag("Say who comes, who goes and who is refused as well", name="v", verbosity=STATUS)
    details: bool = flag("As -v, with protocol and cipher of each connection", name="V", verbosity=DETAILS)


class Connections(Section):
    title = "Connection"
    print_port: bool = flag("Print the port on standard output, once all is ready", name="1")
    ipv4: bool = flag("Of a host's addresses take an IPv4 one", name="4")
    ipv6: bool = flag("Of a host's addresses take an IPv6 one", name="6")
    limit: int = count("Serve at most n connections at once; 40 without it", name="c", default=40)
    rules_file: str | None = rules("Follow the rules in this cdb file of tcprules", name="x")
    early_rules_file: str | None = rules(
        "As -x, by address alone and before anybody is asked for names", name="y"
    )
    rules_optional: bool = flag("A file of rules that does not exist allows everything", name="X")
    banner: str = banner_text("Send this to the client first", name="B", default="")
    gid: int = group_id("Run the program with this group id", name="g", default=0)
    uid: int = user_id("Run the program with this user id", name="u", default=0)
    identity: bool = flag("As -u and -g with the numbers in $UID and $GID", name="U")
    interface: str | None = interface_name("Bind an IPv6 link-local address to this interface", name="I")
    backlog: int = count("Let about n connections wait to be accepted; 20 without it", name="b", default=20)
    keep_ip_options: bool = flag("Leave IP source routes as they are", name="o")
    no_ip_options: bool = flag("Remove IP source routes; the default", name="O", keep_ip_options=False)
    delay: bool = flag("Let TCP collect small pieces of data", name="d")
    no_delay: bool = flag("Send each piece of data at once; the default", name="D", delay=False)
    ident_limit: int = seconds("Wait so long for the ident server; 26 without it", name="t", default=26)
    handshake_limit: int = seconds("Wait so long for the handshake; 26 without it", name="T", default=26)
    idle_limit: int = seconds(
        "Wait so long for data of client or program; 3600 without it", name="w", default=3600
    )


class Protection(Section):
    title = "TLS"
    delayed: bool = flag("Start in clear; the program says when TLS begins (UCSPI-TLS)", name="n")
    immediate: bool = flag("Start with TLS; the default", name="N", delayed=False)
    report: bool = flag("Tell the program about TLS and certificates in SSL_... variables", name="s")
    no_report: bool = flag("Do not tell the program; the default", name="S", report=False)


class Certificates(Section):
    title = "Certificate"
    password: bool = flag("Read the key's password from descriptor 3, up to a NUL", name="3")
    demand: bool = flag("Demand a certificate of each client", name="m", demand_name=False)
    demand_name: bool = flag("As -m, and it must be for the client's host name", name="z", demand=True)
    no_demand: bool = flag("Ask for none; the default", name="Z", demand=False, demand_name=False)


class Visitors(Section):
    title = "Data-gathering"
    remote_host: bool = flag("Look up the client's host name; the default", name="h", default=True)
    no_remote_host: bool = flag("Do not look it up", name="H", remote_host=False)
    paranoid: bool = flag("Forget a client's host name that has not the client's address", name="p")
    not_paranoid: bool = flag("Do not check it; the default", name="P", paranoid=False)
    local_name: str | None = host_name("Our own host name, instead of looking it up", name="l")
    remote_info: bool = flag("Ask the client's ident server who calls", name="r")
    no_remote_info: bool = flag("Do not ask; the default", name="R", remote_info=False)
    tcp_variables: bool = flag("Set the variables of tcpserver as well", name="e")
    no_tcp_variables: bool = flag("Do not set them; the default", name="E", tcp_variables=False)


class ServerOptions(General, Connections, Protection, Certificates, Visitors, Options):
    """The settings of one run."""
