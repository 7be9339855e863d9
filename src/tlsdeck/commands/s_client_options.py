"""The options of s_client, in the order of its -help.

Source: s_client(1) of OpenSSL 1.1.1 and the -help of OpenSSL 3.0.
"""

from __future__ import annotations

from tlsdeck.options import Clash, Operand, Options, Rule, Section
from tlsdeck.options.kinds import Only
from tlsdeck.options.rows import (
    directory,
    flag,
    hex_digits,
    infile,
    outfile,
    pem_der,
    pem_der_engine,
    positive,
    seconds,
    string,
    strings,
    uri,
)
from tlsdeck.options.sections import (
    NO_NPN_IN_TLS13,
    NO_UNIX_DATAGRAMS,
    SCTP_NEEDS_DTLS,
    VERSION_CLASHES,
    ExtendedCertificate,
    Preferences,
    Provider,
    RandomState,
    TlsSsl,
    Validation,
)

# The rows of preamble.STARTTLS, in their order, which is that of the complaint about any other word. They stand here
# again because most runs have no use for that table, and loading it would delay them.
STARTTLS_PROTOCOLS = (
    "smtp",
    "pop3",
    "imap",
    "ftp",
    "xmpp",
    "xmpp-server",
    "telnet",
    "irc",
    "mysql",
    "postgres",
    "lmtp",
    "nntp",
    "sieve",
    "ldap",
)


class General(Section):
    """Engines, configuration and Certificate Transparency."""

    title = "General"

    help: bool = flag("Print this list and exit", also="h", stops=True)
    engine: str | None = string("Use the algorithms of this engine, by its id", requires="ENGINE_by_id")
    ssl_client_engine: str | None = string(
        "Engine that chooses the client certificate and key, by its id", requires="ENGINE_by_id"
    )
    ssl_config: str | None = string("Section of the OpenSSL configuration file to set the connection up from")
    ct: bool = flag(
        "Ask for signed certificate timestamps and check them; asks for OCSP responses too",
        requires="SSL_CTX_enable_ct",
    )
    noct: bool = flag(
        "Do not ask for signed certificate timestamps (the default)",
        requires="SSL_CTX_enable_ct",
        ct=False,
    )
    ctlogfile: str | None = infile(
        "List of Certificate Transparency logs to check -ct with", requires="SSL_CTX_enable_ct"
    )


class Network(Section):
    """Where to connect to, and how the bytes are packed."""

    title = "Network"

    host: str | None = string("Host to connect to; default localhost; -connect goes before")
    port: int | None = positive("Port to connect to; default 4433; -connect goes before")
    connect: str | None = string("Where to connect to: host, host:port or [IPv6 address]:port")
    bind: str | None = string("Local address to connect from: host or host:port")
    proxy: str | None = string("HTTP proxy to connect through, host:port, by its CONNECT method")
    proxy_user: str | None = string("User name for the proxy (Basic authentication)")
    proxy_pass: str | None = string("Where the proxy's password comes from, as for -pass")
    unix: str | None = string("Path of a Unix-domain socket to connect to")
    ipv4: bool = flag("Use IPv4 only", name="4")
    ipv6: bool = flag("Use IPv6 only", name="6")
    maxfraglen: int | None = positive(
        "Ask the server for records of at most 512, 1024, 2048 or 4096 bytes (RFC 6066)",
        only=Only(
            (512, 1024, 2048, 4096),
            "{program}: Max Fragment Len {value} is out of permitted values",
            hint=True,
        ),
    )
    max_send_frag: int | None = positive("Send records of at most this many bytes, 512 to 16384")
    split_send_frag: int | None = positive("Bytes per pipeline when writes are split for -max_pipelines")
    max_pipelines: int | None = positive(
        "Encrypt or decrypt this many records at once; default 1, at most 32"
    )
    read_buf: int | None = positive("Bytes to read from the network at once; matters with pipelines only")
    fallback_scsv: bool = flag("Mark the ClientHello as a retry with a lower version (RFC 7507)")


class Identity(Section):
    """Who we are, and whom we believe."""

    title = "Identity"

    cert: str | None = infile("Client certificate, sent if the server asks for one")
    certform: str | None = pem_der("Format of -cert; found out by itself anyway")
    cert_chain: str | None = infile("Certificates to send along with -cert, or to build its chain from")
    build_chain: bool = flag("Build the chain to send along with -cert")
    key: str | None = string("Private key of -cert, a file or URI; default: in the file of -cert")
    keyform: str | None = pem_der_engine(
        "ENGINE if -key names a key of -engine; otherwise found out by itself"
    )
    password: str | None = string(
        "Pass phrase: pass:WORD, env:VAR, file:PATH, fd:NUMBER or stdin", name="pass"
    )
    verify: int | None = positive(
        "Check the server's certificate; errors deeper in its chain than this are fatal"
    )
    nameopt: list[str] = strings("How names are printed, as in oneline,-esc_msb or RFC2253; repeatable")
    CApath: str | None = directory("Trust the CA certificates in this hashed directory")
    CAfile: str | None = infile("Trust the CA certificates in this PEM file")
    CAstore: str | None = uri("Trust the CA certificates this URI leads to")
    no_CAfile: bool = flag("Do not trust the system's default CA file", name="no-CAfile")
    no_CApath: bool = flag("Do not trust the system's default CA directory", name="no-CApath")
    no_CAstore: bool = flag("Do not trust the system's default CA store", name="no-CAstore")
    requestCAfile: str | None = infile(
        "PEM certificates whose names tell the server which CAs we accept (TLS 1.3)"
    )
    dane_tlsa_domain: str | None = string("Check the server by DANE (RFC 6698) under this domain")
    dane_tlsa_rrdata: list[str] = strings(
        'A TLSA record for -dane_tlsa_domain, as in "3 1 1 8CB0..."; repeatable'
    )
    dane_ee_no_namechecks: bool = flag("With DANE-EE(3) records, accept any name in the certificate")
    psk_identity: str = string(
        "Identity to offer with -psk; default Client_identity",
        default="Client_identity",
        requires="SSL_CTX_use_psk_identity_hint",
    )
    psk: str | None = hex_digits(
        "Pre-shared key in hexadecimal digits, as in 1a2b3c4d", requires="SSL_CTX_use_psk_identity_hint"
    )
    psk_session: str | None = infile("Session in PEM to take the pre-shared key from (TLS 1.3)")
    name: str | None = string("Our name for -starttls smtp or lmtp, the server's for xmpp; see -starttls")


class Session(Section):
    """Keeping sessions and taking them up again."""

    title = "Session"

    reconnect: bool = flag("Connect five more times, each time resuming the session")
    sess_out: str | None = outfile("Write the session to this file, in PEM")
    sess_in: str | None = infile("Resume the session in this file, as written by -sess_out")


class InputOutput(Section):
    """Standard input and output."""

    title = "Input/Output"

    crlf: bool = flag("Send CR LF for every LF typed")
    quiet: bool = flag("Print the server's data and nothing else; implies -ign_eof", ign_eof=True)
    ign_eof: bool = flag("Stay connected when stdin ends; the default with -quiet")
    no_ign_eof: bool = flag("Disconnect when stdin ends, even with -quiet before it", ign_eof=False)
    starttls: str | None = string(
        "Start TLS inside this protocol: smtp, imap, ldap, ...; any other word lists them all",
        only=Only(
            STARTTLS_PROTOCOLS,
            "{program}: Value must be one of:\n" + "\n".join(f"\t{word}" for word in STARTTLS_PROTOCOLS),
        ),
    )
    xmpphost: str | None = string("Domain to ask for with -starttls xmpp; the older name of -name")
    brief: bool = flag(
        "Print a summary of the connection in a few lines instead of the report",
        quiet=True,
        verify_quiet=True,
    )
    prexit: bool = flag("Print the report once more at the end, even if the handshake failed")


class Debug(Section):
    """Watching the connection, and tuning what is asked for."""

    title = "Debug"

    showcerts: bool = flag("Print every certificate the server sent, in PEM")
    debug: bool = flag("Dump every byte that is read and written")
    msg: bool = flag("Print every protocol message with a hex dump", trace=False)
    msgfile: str | None = outfile("Write the output of -msg and -trace to this file instead of stdout")
    nbio_test: bool = flag("Make input and output stop short at random, to test non-blocking code")
    state: bool = flag("Print every step of the handshake")
    keymatexport: str | None = string("Print keying material exported under this label (RFC 5705)")
    keymatexportlen: int = positive("Bytes of keying material for -keymatexport; default 20", default=20)
    security_debug: bool = flag("Print what the security level forbids", security_debug_verbose=False)
    security_debug_verbose: bool = flag("Print every decision about the security level", security_debug=False)
    trace: bool = flag("Print every protocol message decoded", requires="SSL_trace", msg=False)
    keylogfile: str | None = outfile("Append the secrets of the connection to this file, for Wireshark")
    nocommands: bool = flag("Send lines that start with a command letter (Q, R, k, K) like any other")
    servername: str | None = string(
        "Name to ask for by SNI; default: the host connected to if it is a DNS name"
    )
    noservername: bool = flag("Do not send the SNI extension")
    tlsextdebug: bool = flag("Print every TLS extension received, with a hex dump")
    ignore_unexpected_eof: bool = flag("Accept a connection that ends without close_notify as ended properly")
    status: bool = flag("Ask for a stapled OCSP response and print it", requires="OCSP_RESPONSE_print")
    serverinfo: list[str] = strings(
        "Extension numbers to send empty, as in 18,16383; up to TLS 1.2; answers come in PEM"
    )
    alpn: str | None = string("Protocols to offer by ALPN, best first: h2,http/1.1")
    asynchronous: bool = flag("Let an engine work asynchronously", name="async")
    nbio: bool = flag("Use non-blocking input and output")


class Protocol(Section):
    """Versions of TLS and DTLS, and what only some of them have."""

    title = "Protocol and version"

    ssl3: bool = flag("Use SSL 3.0 and nothing else", requires="SSLv3_client_method")
    tls1: bool = flag("Use TLS 1.0 and nothing else")
    tls1_1: bool = flag("Use TLS 1.1 and nothing else")
    tls1_2: bool = flag("Use TLS 1.2 and nothing else")
    tls1_3: bool = flag("Use TLS 1.3 and nothing else")
    dtls: bool = flag("Use DTLS over UDP, the best version both sides have")
    timeout: bool = flag("With DTLS, say on stderr when an answer is late")
    mtu: int | None = positive("With DTLS, bytes that fit a datagram; at least 256; default: found out")
    dtls1: bool = flag("Use DTLS 1.0 and nothing else")
    dtls1_2: bool = flag("Use DTLS 1.2 and nothing else")
    sctp: bool = flag("Run DTLS over SCTP instead of UDP", requires="BIO_new_dgram_sctp")
    sctp_label_bug: bool = flag(
        "Use the wrong SCTP key label of old OpenSSL versions", requires="BIO_new_dgram_sctp"
    )
    nextprotoneg: str | None = string(
        "Protocols to choose from by NPN, best first: h2,http/1.1",
        requires="SSL_get0_next_proto_negotiated",
    )
    early_data: str | None = infile("File to send as early data when a session is resumed (TLS 1.3)")
    enable_pha: bool = flag("Tell the server it may ask for our certificate later on (TLS 1.3)")
    use_srtp: str | None = string(
        "SRTP profiles to offer, best first: SRTP_AEAD_AES_128_GCM", requires="SSL_CTX_set_tlsext_use_srtp"
    )
    srpuser: str | None = string("User name for SRP; deprecated since OpenSSL 3.0", requires="SRP_VBASE_new")
    srppass: str | None = string(
        "Where the password for SRP comes from, as for -pass; deprecated", requires="SRP_VBASE_new"
    )
    srp_lateuser: bool = flag(
        "Send the SRP user name in a second ClientHello only; deprecated", requires="SRP_VBASE_new"
    )
    srp_moregroups: bool = flag(
        "Accept SRP groups other than those of RFC 5054; deprecated", requires="SRP_VBASE_new"
    )
    srp_strength: int = positive(
        "Least bits of the SRP prime; default 1024; deprecated", default=1024, requires="SRP_VBASE_new"
    )


class Trust(Section):
    """The rest of the validation options: CRLs, more CA certificates, and what an error does."""

    title = "Validation"

    CRL: str | None = infile("CRL to check against; see -crl_check")
    crl_download: bool = flag(
        "Fetch CRLs from where the certificates say they are", requires="OSSL_HTTP_open"
    )
    CRLform: str | None = pem_der("Format of -CRL; found out by itself anyway")
    verify_return_error: bool = flag(
        "Give up when the server's certificate fails a check; implies checking it"
    )
    verify_quiet: bool = flag("Print verification errors only, not every certificate")
    chainCAfile: str | None = infile("CA certificates to build our own chain from, a PEM file")
    chainCApath: str | None = directory("CA certificates to build our own chain from, a hashed directory")
    chainCAstore: str | None = uri("CA certificates to build our own chain from, a URI")
    verifyCAfile: str | None = infile(
        "CA certificates to check the server with, a PEM file, in place of -CAfile"
    )
    verifyCApath: str | None = directory("CA certificates to check the server with, a hashed directory")
    verifyCAstore: str | None = uri("CA certificates to check the server with, a URI")


class Deck(Section):
    """What the original has not."""

    title = "tlsdeck"

    json: bool = flag("Print one JSON object a line for each event, and a summary at the end")
    strict: bool = flag(
        "Check certificate and host name, stop when they fail; the exit code says what failed",
        conf=True,
        verify_return_error=True,
    )
    connect_timeout: float | None = seconds("Longest time for name resolution and connecting")
    handshake_timeout: float | None = seconds("Longest time for proxy, STARTTLS and handshake together")
    idle_timeout: float | None = seconds("Longest time without any data after the handshake")
    total_timeout: float | None = seconds("Longest time for all of it, from the start to the end")


_INTERNET = ("4", "6", "host", "port", "connect")


class ClientOptions(
    General,
    Network,
    Identity,
    Session,
    InputOutput,
    Debug,
    Protocol,
    RandomState,
    TlsSsl,
    Preferences,
    Validation,
    Trust,
    ExtendedCertificate,
    Provider,
    Deck,
    Options,
):
    """The settings of s_client."""

    operand = Operand(
        "host:port",
        "Where to connect to, in place of -connect; default localhost:4433",
        "connect",
        "{program}: cannot provide both -connect option and target parameter",
    )
    clashes = (
        Clash(_INTERNET, ("unix",), "{program}: Intermixed protocol flags (unix and internet domains)"),
        Clash(("unix",), _INTERNET, "{program}: Intermixed protocol flags (internet and unix domains)"),
        *VERSION_CLASHES,
    )
    rules = (
        Rule(("ipv4",), ("ipv6",), "{program}: Can't use both -4 and -6", hint=True),
        Rule(
            ("noservername",),
            ("servername",),
            "{program}: Can't use -servername and -noservername together",
            hint=True,
        ),
        Rule(
            ("noservername",),
            ("dane_tlsa_domain",),
            "{program}: Can't use -dane_tlsa_domain and -noservername together",
            hint=True,
        ),
        NO_NPN_IN_TLS13,
        NO_UNIX_DATAGRAMS,
        Rule(
            ("proxy",),
            ("connect", "host", "unix"),
            "{program}: -proxy requires use of -connect or target parameter",
            hint=True,
            needed=True,
        ),
        SCTP_NEEDS_DTLS,
        Rule(("proxy_pass",), ("proxy_user",), "Error: Must specify proxy_user with proxy_pass", needed=True),
    )
