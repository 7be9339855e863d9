"""The options of s_server, in the order of its -help.

Source: s_server(1) of OpenSSL 0.9.7, 1.0 and 3.0, and the -help of OpenSSL 3.0.
"""

from __future__ import annotations

from tlsdeck.options import Options, Rule, Section
from tlsdeck.options.kinds import Only
from tlsdeck.options.rows import (
    any_format,
    directory,
    flag,
    hex_digits,
    infile,
    integer,
    outfile,
    pem_der,
    positive,
    seconds,
    string,
    strings,
    uri,
)
from tlsdeck.options.sections import (
    DTLS,
    NO_NPN_IN_TLS13,
    NO_UNIX_DATAGRAMS,
    SCTP_NEEDS_DTLS,
    VERSION_CLASHES,
    ExtendedCertificate,
    Preferences,
    Provider,
    RandomState,
    StrictCertificates,
    TlsSsl,
    Validation,
)


class General(Section):
    """Engines, configuration and tracing."""

    title = "General"

    help: bool = flag("Print this list and exit", also="h", stops=True)
    ssl_config: str | None = string("Section of the OpenSSL configuration file to set connections up from")
    trace: bool = flag("Print every protocol message decoded", requires="SSL_trace", msg=False)
    engine: str | None = string("Use the algorithms of this engine, by its id", requires="ENGINE_by_id")


class Network(Section):
    """Where to listen. Of -port, -accept and -unix the last one counts; -4 and -6 undo -unix, and it them."""

    title = "Network"

    port: int | None = positive("Port to listen on, at every address; default 4433", accept=None, unix=None)
    accept: str | None = string(
        "Where to listen: port, host:port or *:port; port 0 finds a free one; default *:4433",
        port=None,
        unix=None,
    )
    unix: str | None = string(
        "Path of a Unix-domain socket to listen on", accept=None, port=None, ipv4=False, ipv6=False
    )
    unlink: bool = flag("Remove what is at the path of -unix before listening")
    ipv4: bool = flag("Use IPv4 only", name="4", ipv6=False, unix=None)
    ipv6: bool = flag("Use IPv6 only", name="6", ipv4=False, unix=None)


class Identity(Section):
    """Who we are, whom we believe, and what is served."""

    title = "Identity"

    context: str | None = string("Session id context: sessions resume only under the one they began with")
    CAfile: str | None = infile("Trust the CA certificates in this PEM file, and name them to clients")
    CApath: str | None = directory("Trust the CA certificates in this hashed directory")
    CAstore: str | None = uri("Trust the CA certificates this URI leads to")
    no_CAfile: bool = flag("Do not trust the system's default CA file", name="no-CAfile")
    no_CApath: bool = flag("Do not trust the system's default CA directory", name="no-CApath")
    no_CAstore: bool = flag("Do not trust the system's default CA store", name="no-CAstore")
    nocert: bool = flag("Have no certificate at all; leaves pre-shared keys, SRP and anonymous ciphers")
    verify: int | None = integer(
        "Ask clients for a certificate; errors deeper in its chain than this are fatal", Verify=None
    )
    Verify: int | None = integer("As -verify, and refuse clients that have no certificate", verify=None)
    nameopt: list[str] = strings("How names are printed, as in oneline,-esc_msb or RFC2253; repeatable")
    cert: str = infile("Server certificate; default server.pem", default="server.pem")
    cert2: str = infile(
        "Certificate for clients that ask for -servername; default server2.pem", default="server2.pem"
    )
    certform: str | None = pem_der("Format of -cert and -cert2; found out by itself anyway")
    cert_chain: str | None = infile("Certificates to send along with -cert, or to build its chain from")
    build_chain: bool = flag("Build the chains to send along with -cert and -dcert")
    serverinfo: str | None = string("PEM file of extensions to answer with, where the client sent them empty")
    key: str | None = string("Private key of -cert, a file or URI; default: in the file of -cert")
    key2: str | None = infile("Private key of -cert2; default: in the file of -cert2")
    keyform: str | None = any_format("ENGINE if -key names a key of -engine; otherwise found out by itself")
    password: str | None = string(
        "Pass phrase: pass:WORD, env:VAR, file:PATH, fd:NUMBER or stdin", name="pass"
    )
    dcert: str | None = infile("Second certificate, of another key type, as in ECDSA beside RSA")
    dcertform: str | None = pem_der("Format of -dcert; found out by itself anyway")
    dcert_chain: str | None = infile("Certificates to send along with -dcert, or to build its chain from")
    dkey: str | None = infile("Private key of -dcert; default: in the file of -dcert")
    dkeyform: str | None = any_format("ENGINE if -dkey names a key of -engine; otherwise found out by itself")
    dpass: str | None = string("Pass phrase of -dkey and -dcert, in the forms of -pass")
    dhparam: str | None = infile("File of DH parameters; default: in the file of -cert, else chosen to fit")
    servername: str | None = string("Name that gets clients who ask for it by SNI the certificate of -cert2")
    servername_fatal: bool = flag("Refuse clients that ask for another name than -servername")
    nbio_test: bool = flag("Make input and output stop short at random, to test non-blocking code", nbio=True)
    crlf: bool = flag("Send CR LF for every LF typed")
    quiet: bool = flag("Print the client's data and nothing else; no command letters")
    no_resume_ephemeral: bool = flag("Do not resume sessions whose key exchange was ephemeral (EC)DH")
    www: bool = flag("Answer every HTTP GET with a page about the connection", WWW=False, HTTP=False)
    WWW: bool = flag(
        "Answer HTTP GET with the file of that name below the current directory", www=False, HTTP=False
    )
    ignore_unexpected_eof: bool = flag("Accept a connection that ends without close_notify as ended properly")
    tlsextdebug: bool = flag("Print every TLS extension received, with a hex dump")
    HTTP: bool = flag("As -WWW, for files that contain the HTTP header lines too", www=False, WWW=False)
    id_prefix: str | None = string("Begin every session id with this text; fewer than 32 bytes")
    keymatexport: str | None = string("Print keying material exported under this label (RFC 5705)")
    keymatexportlen: int = positive("Bytes of keying material for -keymatexport; default 20", default=20)
    CRL: str | None = infile("CRL to check against; see -crl_check")
    CRLform: str | None = pem_der("Format of -CRL; found out by itself anyway")
    crl_download: bool = flag(
        "Fetch CRLs from where the certificates say they are", requires="OSSL_HTTP_open"
    )
    chainCAfile: str | None = infile("CA certificates to build our own chain from, a PEM file")
    chainCApath: str | None = directory("CA certificates to build our own chain from, a hashed directory")
    chainCAstore: str | None = uri("CA certificates to build our own chain from, a URI")
    verifyCAfile: str | None = infile(
        "CA certificates to check clients with, a PEM file, in place of -CAfile"
    )
    verifyCApath: str | None = directory("CA certificates to check clients with, a hashed directory")
    verifyCAstore: str | None = uri("CA certificates to check clients with, a URI")
    no_cache: bool = flag("Keep no sessions; clients can resume with tickets only")
    ext_cache: bool = flag("Keep sessions in a cache outside the library, and say what it finds")
    verify_return_error: bool = flag("Refuse clients whose certificate fails a check")
    verify_quiet: bool = flag("Print verification errors only, not every certificate")
    ign_eof: bool = flag("With -rev, do not end the connection at a line that says CLOSE")
    no_ign_eof: bool = flag(
        "With -rev, end the connection at a line that says CLOSE (the default)", ign_eof=False
    )


_OCSP = "OCSP_RESPONSE_print"


class Ocsp(Section):
    """Stapling OCSP responses. Any of the -status options switches it on."""

    title = "OCSP"

    status: bool = flag("Staple an OCSP response for clients that ask for one", requires=_OCSP)
    status_verbose: bool = flag("As -status, and print the response", status=True, requires=_OCSP)
    status_timeout: int | None = integer(
        "As -status, waiting at most this many seconds for the responder; default 10",
        status=True,
        requires=_OCSP,
    )
    status_url: str | None = string(
        "As -status, with the responder to ask when the certificate names none", status=True, requires=_OCSP
    )
    proxy: str | None = string(
        "HTTP proxy on the way to the responder: [http://]host[:port]; default $http_proxy", requires=_OCSP
    )
    no_proxy: str | None = string(
        "Hosts to reach without the proxy, separated by commas or blanks; default $no_proxy", requires=_OCSP
    )
    status_file: str | None = infile(
        "As -status, with the response in this DER file instead of asking", status=True, requires=_OCSP
    )


class Debug(Section):
    """Watching connections."""

    title = "Debug"

    security_debug: bool = flag("Print what the security level forbids", security_debug_verbose=False)
    security_debug_verbose: bool = flag("Print every decision about the security level", security_debug=False)
    brief: bool = flag(
        "Print a summary of each connection in a few lines instead of the report",
        quiet=True,
        verify_quiet=True,
    )
    rev: bool = flag("Send every line back reversed")
    debug: bool = flag("Dump every byte that is read and written")
    msg: bool = flag("Print every protocol message with a hex dump", trace=False)
    msgfile: str | None = outfile("Write the output of -msg and -trace to this file instead of stdout")
    state: bool = flag("Print every step of the handshake")
    asynchronous: bool = flag("Let an engine work asynchronously", name="async")
    max_pipelines: int | None = positive(
        "Encrypt or decrypt this many records at once; default 1, at most 32"
    )
    naccept: int | None = positive("Exit after this many connections; default: never")
    keylogfile: str | None = outfile("Append the secrets of every connection to this file, for Wireshark")


class Transport(Section):
    """How the bytes travel."""

    title = "Network"

    nbio: bool = flag("Use non-blocking input and output")
    timeout: bool = flag("With DTLS, say on stderr when an answer is late")
    mtu: int | None = positive("With DTLS, bytes that fit a datagram; at least 256; default: found out")
    read_buf: int | None = positive("Bytes to read from the network at once; matters with pipelines only")
    split_send_frag: int | None = positive("Bytes per pipeline when writes are split for -max_pipelines")
    max_send_frag: int | None = positive("Send records of at most this many bytes, 512 to 16384")


class SharedSecrets(Section):
    """Being known by a pre-shared key or an SRP verifier."""

    title = "Server identity"

    psk_identity: str = string(
        "Identity to expect with -psk; default Client_identity",
        default="Client_identity",
        requires="SSL_CTX_use_psk_identity_hint",
    )
    psk_hint: str | None = string(
        "Hint that tells clients which identity to use (TLS 1.2)", requires="SSL_CTX_use_psk_identity_hint"
    )
    psk: str | None = hex_digits(
        "Pre-shared key in hexadecimal digits, as in 1a2b3c4d", requires="SSL_CTX_use_psk_identity_hint"
    )
    psk_session: str | None = infile(
        "Session in PEM to take the pre-shared key from (TLS 1.3)", also="psk_session_file"
    )
    srpvfile: str | None = infile(
        "File of SRP verifiers; deprecated since OpenSSL 3.0", also="srpval", requires="SRP_VBASE_new"
    )
    srpuserseed: str | None = string(
        "Seed for the salts of unknown SRP users; deprecated", requires="SRP_VBASE_new"
    )


class Protocol(Section):
    """Versions of TLS and DTLS, and what only some of them have."""

    title = "Protocol and version"

    max_early_data: int | None = integer(
        "Bytes of early data that tickets promise to take; 16384 with -early_data",
        only=Only(range(2**31), "Invalid value for max_early_data"),
    )
    recv_max_early_data: int | None = integer(
        "Bytes of early data that are really taken; 16384 with -early_data",
        only=Only(range(2**31), "Invalid value for recv_max_early_data"),
    )
    early_data: bool = flag("Read early data (TLS 1.3)")
    num_tickets: int | None = integer("Tickets to send after a full TLS 1.3 handshake; default 2", conf=True)
    anti_replay: bool = flag("Take early data with one ticket only once (the default)", conf=True)
    no_anti_replay: bool = flag(
        "Take early data with one ticket any number of times", conf=True, anti_replay=False
    )
    http_server_binmode: bool = flag("With -WWW and -HTTP, open files in binary mode")
    no_ca_names: bool = flag("Do not tell clients which CAs are accepted")
    stateless: bool = flag("Have TLS 1.3 clients return a cookie before state is kept for them")
    ssl3: bool = flag("Use SSL 3.0 and nothing else", requires="SSLv3_server_method")
    tls1: bool = flag("Use TLS 1.0 and nothing else")
    tls1_1: bool = flag("Use TLS 1.1 and nothing else")
    tls1_2: bool = flag("Use TLS 1.2 and nothing else")
    tls1_3: bool = flag("Use TLS 1.3 and nothing else")
    dtls: bool = flag("Use DTLS over UDP, the best version both sides have")
    listen: bool = flag("With DTLS, have clients return a cookie before state is kept for them")
    dtls1: bool = flag("Use DTLS 1.0 and nothing else")
    dtls1_2: bool = flag("Use DTLS 1.2 and nothing else")
    sctp: bool = flag("Run DTLS over SCTP instead of UDP", requires="BIO_new_dgram_sctp")
    sctp_label_bug: bool = flag(
        "Use the wrong SCTP key label of old OpenSSL versions", requires="BIO_new_dgram_sctp"
    )
    use_srtp: str | None = string(
        "SRTP profiles to accept, best first: SRTP_AEAD_AES_128_GCM", requires="SSL_CTX_set_tlsext_use_srtp"
    )
    no_dhe: bool = flag("Do without finite-field DH key exchange")
    nextprotoneg: str | None = string(
        "Protocols to advertise by NPN, best first: h2,http/1.1",
        requires="SSL_get0_next_proto_negotiated",
    )
    alpn: str | None = string("Protocols to choose from by ALPN, best first: h2,http/1.1")
    sendfile: bool = flag("With -WWW and -HTTP, let the kernel encrypt and send files")


class OldWords(Section):
    """Options of s_server(1) before 1.1, so that old scripts keep running.

    -no_ecdhe does what it says. Export keys, SSL 2.0 and Netscape's bugs are gone: the others have nothing
    left to switch off.
    """

    title = "Old"

    no_ecdhe: bool = flag("Do without ECDHE key exchange", hidden=True)
    no_tmp_rsa: bool = flag("Does nothing", hidden=True)
    no_ssl2: bool = flag("Does nothing", hidden=True)
    hack: bool = flag("Does nothing", hidden=True)


class Deck(Section):
    """What the original has not."""

    title = "tlsdeck"

    json: bool = flag("Print one JSON object a line for each event, and a summary of each connection")
    max_clients: int | None = positive("Clients to serve at once; further ones wait to be accepted")
    handshake_timeout: float | None = seconds(
        "Longest time for a handshake; default 60 with -www, -WWW, -HTTP and -rev"
    )
    idle_timeout: float | None = seconds(
        "Longest time without progress after that; default 300 with -www, -WWW and -HTTP"
    )
    offer: bool = flag("Report the whole offer of each client, decoded, with what could be chosen of it")


_WEB = ("www", "WWW", "HTTP")


class ServerOptions(
    General,
    Network,
    Identity,
    Ocsp,
    Debug,
    Transport,
    SharedSecrets,
    Protocol,
    OldWords,
    RandomState,
    TlsSsl,
    StrictCertificates,
    Preferences,
    Validation,
    ExtendedCertificate,
    Provider,
    Deck,
    Options,
):
    """The settings of s_server."""

    clashes = VERSION_CLASHES
    rules = (
        NO_NPN_IN_TLS13,
        Rule(_WEB, DTLS, "Can't use -HTTP, -www or -WWW with DTLS"),
        Rule(("listen",), DTLS, "Can only use -listen with DTLS", needed=True),
        Rule(("rev",), DTLS, "Can't use -rev with DTLS"),
        Rule(("stateless",), DTLS, "Can only use --stateless with TLS"),
        NO_UNIX_DATAGRAMS,
        Rule(
            ("early_data",),
            (*_WEB, "rev"),
            "Can't use -early_data in combination with -www, -WWW, -HTTP, or -rev",
        ),
        SCTP_NEEDS_DTLS,
        Rule(("sendfile",), ("WWW", "HTTP"), "Can't use -sendfile without -WWW or -HTTP", needed=True),
    )
