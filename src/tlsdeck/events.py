"""What happened, as plain data: the one stream that every output format reads.

Names are in the past tense. Fields hold str, int, float, bool, bytes, None, records and tuples of them, never a
handle, so an event can be kept, compared and printed long after its connection is gone. Where fidelity to libssl's own
words matters, the field already carries the text that libssl printed.
"""

from __future__ import annotations

from tlsdeck.record import Record

# --- parts -----------------------------------------------------------------------------------------------------


class CertificateInfo(Record):
    """One X.509 certificate. Names are in the format of -nameopt, times as ASN1_TIME_print(3) writes them."""

    subject: str
    issuer: str
    public_key: str  # long name of the algorithm: rsaEncryption, id-ecPublicKey, ED25519
    public_key_bits: int
    signature_algorithm: str  # RSA-SHA256
    not_before: str
    not_after: str
    pem: str


class TemporaryKey(Record):
    """The peer's ephemeral key: `algorithm` X25519, ECDH, DH, RSA...; `group` for ECDH only; `bits`."""

    algorithm: str
    group: str | None
    bits: int


class SessionInfo(Record):
    """A TLS session. SSL_SESSION_print(3)'s `text` and PEM_write_bio_SSL_SESSION(3)'s `pem` hold secrets."""

    text: str
    pem: str
    lifetime: int = 0  # seconds the ticket may be used, by the server's hint; 0 without a hint
    max_early_data: int = 0  # bytes; 0: no early data when it is resumed


class Staple(Record):
    """An OCSP response (RFC 6960). `text` is OCSP_RESPONSE_print(3)'s, `response_status` its word for the whole.

    What a successful one says of the certificate: "good", "revoked" or "unknown", and from when to when that holds,
    as ASN1_TIME_print(3) writes times; `next_update` is None where newer information is there at any time.
    """

    text: str
    der: bytes
    response_status: str
    certificate_status: str | None
    this_update: str | None
    next_update: str | None


class ExportedKey(Record):
    """Keying material exported under a label (RFC 5705, RFC 8446 section 7.5). `material` is None when refused."""

    label: str
    length: int  # bytes
    material: bytes | None


class TlsaMatch(Record):
    """The TLSA record (RFC 6698) that vouched for the peer.

    `depth` is that of the certificate it is about; `signed`: the record's key is not in the chain but signed its end.
    """

    usage: int
    selector: int
    matching_type: int
    data: bytes
    depth: int
    signed: bool


class CertificateTimestamp(Record):
    """A signed certificate timestamp (RFC 6962 section 3.2) and what became of it.

    `status` is SCT_validation_status_string(3)'s, `text` what SCT_print(3) writes, which has no line end.
    """

    version: int  # 0 is version 1
    log_id: bytes
    timestamp: int  # milliseconds since 1970
    status: str
    text: str


class Certificate(Record):
    """One X.509 certificate, for a program to look at. Names are in the format of -nameopt."""

    subject: str
    issuer: str
    alternative_names: tuple[str, ...]  # GENERAL_NAME_print(3)'s: "DNS:localhost", "IP Address:127.0.0.1"
    serial: str  # hexadecimal
    not_before: str | None  # ISO 8601, UTC: 2026-11-20T18:21:41Z; None when it is no valid time
    not_after: str | None
    public_key: str  # long name of the algorithm: rsaEncryption, id-ecPublicKey, ED25519
    public_key_bits: int
    signature_algorithm: str  # RSA-SHA256
    sha256: bytes  # fingerprint: of the whole certificate
    pem: str


class SignedTimestamp(Record):
    """A signed certificate timestamp (RFC 6962 section 3.2), for a program to look at."""

    source: str  # "extension" of TLS, "certificate", "ocsp"
    log_id: bytes
    time: str  # ISO 8601, UTC, with milliseconds
    status: str  # SCT_validation_status_string(3): "valid", "not set" without -ct


class Details(Record):
    """What only a program wants to know of a connection: gathered when `Watch.details` asks for it.

    A field that `Summary` has too is told better here: there it is what the report prints.
    """

    version: str | None  # TLSv1.3; None before it is agreed on
    cipher: str | None  # OpenSSL's name
    standard_cipher: str | None  # the RFCs' name: TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
    group: str | None  # of the key exchange: x25519
    server_name: str | None  # SNI
    chain: tuple[Certificate, ...]  # as sent, leaf first; of a resumed session its leaf
    verified_chain: tuple[Certificate, ...]  # from the leaf to the trusted root, as far as one was found
    ocsp_response: bytes | None  # stapled, DER (RFC 6960)
    timestamps: tuple[SignedTimestamp, ...]  # of Certificate Transparency, also without -ct


class SuiteOffer(Record):
    """A cipher suite that a client offered, and whether the server could have chosen it.

    `verdict` is "chosen", "possible", or why not: "unknown" to libssl; "disabled" here;
    not of the agreed "version"; too weak for the security "level"; no certificate with such a "key"; no "group" in
    common; or there is no "dh", "psk" or "srp" here.
    """

    code: int
    name: str | None  # OpenSSL's
    verdict: str


class ServerKey(Record):
    """A key of the server's that has a certificate: `kind` RSA, RSA-PSS, EC, ED25519...; `group` of EC only."""

    kind: str
    group: str | None  # OpenSSL's name: prime256v1
    bits: int


class Offer(Record):
    """A client's offer as it was sent first, and what this server has. Versions and suites are code points.

    `known_extensions` are libssl's, whoever offers them.
    """

    message_version: int
    hello: bytes  # the ClientHello with its header
    version: int | None  # agreed on
    group: str | None  # of the key exchange: x25519
    suites: tuple[SuiteOffer, ...]  # none if no version was agreed on
    server_versions: tuple[int, ...]
    server_suites: tuple[int, ...]
    server_keys: tuple[ServerKey, ...]
    security_level: int
    known_extensions: tuple[int, ...]


class Summary(Record):
    """Everything that is known of a connection once its handshake has ended, well or badly."""

    version: str  # TLSv1.3
    cipher: str  # OpenSSL's name; "(NONE)" before there is one
    cipher_version: str  # the suite's own minimum version; "(NONE)" before there is one
    reused: bool
    chain: tuple[CertificateInfo, ...]  # as sent by the peer, leaf first
    peer: CertificateInfo | None
    ca_names: tuple[str, ...]
    certificate_types: tuple[str, ...]  # CertificateRequest, TLS <= 1.2: "RSA sign"
    signature_algorithms: tuple[str, ...]  # the peer's: "ECDSA+SHA256"
    shared_signature_algorithms: tuple[str, ...]
    peer_digest: str | None  # SHA256
    peer_signature_type: str | None  # RSA-PSS
    temporary_key: TemporaryKey | None
    bytes_read: int
    bytes_written: int
    verify_code: int
    verify_text: str
    verified_name: str | None
    tlsa: TlsaMatch | None  # -dane_tlsa_rrdata
    timestamps: tuple[CertificateTimestamp, ...] | None  # None: nobody asked, or there was no chain to check
    secure_renegotiation: bool
    renegotiation_disabled: bool
    compression: str | None
    expansion: str | None
    alpn: str | None
    early_data: str  # "not sent", "rejected", "accepted"
    session: str | None  # SSL_SESSION_print(3)'s text; holds secrets
    point_formats: tuple[str, ...]
    supported_groups: tuple[str, ...]  # the client's, seen by a server
    shared_groups: tuple[str, ...]
    shared_ciphers: tuple[str, ...]
    offered_ciphers: tuple[str, ...]  # the client's, by name or 0xABCD
    exported_key: ExportedKey | None
    details: Details | None = None
    next_protocol: str | None = None  # NPN
    srtp_profile: str | None = None  # RFC 5764
    offer: Offer | None = None  # server: if `Watch.offers` or `Watch.details` asks for it


class Statistics(Record):
    """A context's session counters (SSL_CTX_sess_number(3))."""

    cached: int
    connects: int
    connect_renegotiations: int
    connects_finished: int
    accepts: int
    accept_renegotiations: int
    accepts_finished: int
    hits: int
    misses: int
    timeouts: int
    callback_hits: int
    overflows: int
    cache_size: int


class ErrorLine(Record):
    """A line of libcrypto's error queue, taken apart. One of an unknown form is all `reason`."""

    code: str  # hexadecimal, as openssl-errstr(1) takes it
    library: str  # SSL routines
    function: str
    reason: str  # certificate verify failed
    data: str  # what the library adds to it, mostly nothing


class Phases(Record):
    """How long each part of a connection took until it succeeded or failed, in seconds. None: it did not begin."""

    connect: float | None  # name resolution and TCP
    preamble: float | None  # proxy and STARTTLS
    handshake: float | None
    total: float  # the whole run


class VerificationError(Record):
    """What the verification of the peer's certificate found wrong at one place of its chain."""

    code: int
    name: str | None  # X509_V_ERR_CERT_HAS_EXPIRED
    text: str  # libcrypto's words
    depth: int  # 0: the peer's own certificate
    subject: str | None


class Alert(Record):
    """An alert, in libssl's words."""

    sent: bool
    level: str  # warning, fatal
    description: str  # close notify, handshake failure


class Tickets(Record):
    """Sessions that were received."""

    count: int
    lifetime: int | None  # seconds, of the last one


# --- events ----------------------------------------------------------------------------------------------------


class Event(Record):
    """Base of all events."""


class Started(Event):
    """A program has read its options. `library`: libssl's version as it names itself; `at`: ISO 8601, UTC."""

    program: str
    version: str
    library: str
    at: str


class SetupFailed(Event):
    """A file, a key or a setting cannot be used. `message` may be empty when `stack` says it all."""

    message: str
    stack: tuple[str, ...]


class ConnectStarted(Event):
    """A client looks up a name and connects: to the server or, if there is one, to the proxy."""

    host: str | None  # None for this machine, path of a UNIX socket
    service: str | None  # name or number of the port; None for a UNIX socket


class Listening(Event):
    """A server waits for connections. `chosen` holds `address` when the system picked the port or the path names it."""

    address: str
    chosen: bool


class TemporaryDhSet(Event):
    """Parameters for ephemeral Diffie-Hellman: `from_file` or the library's own choice."""

    from_file: bool


class SecondContextSet(Event):
    """The context of -cert2, chosen by server name, is ready."""


class TlsaRecordRefused(Event):
    """A TLSA record cannot be used. `problem` introduces the record as it was given: "unusable TLSA rrdata"."""

    record: str
    problem: str
    stack: tuple[str, ...]


class ExtensionsRefused(Event):
    """Client: libssl does not let these extensions be sent: they are its own, or were named twice."""

    types: tuple[int, ...]


class Connected(Event):
    """A transport is up (TCP or UNIX stream), a client's or one that a server has accepted. Addresses are numeric."""

    descriptor: int
    local: str
    peer: str


class ConnectFailed(Event):
    """A client's transport is not up: no address, nobody there, or no time left.

    `message` and `stack` are complete, for a person; `errno` is the system's, 0 when it was not the system.
    """

    message: str
    stack: tuple[str, ...]
    errno: int


class NonBlockingSet(Event):
    """The socket was made non-blocking because -nbio asked for it."""


class PreambleNoted(Event):
    """Something is odd in what was said in plain text before TLS; it goes on all the same."""

    text: str


class PreambleCompleted(Event):
    """All that comes before TLS has been said: by STARTTLS of a `protocol`, or by HTTP's CONNECT ("http-connect").

    `reply` is the line of the server's that is shown once TLS is up; empty where none is.
    """

    protocol: str
    reply: str


class PreambleFailed(Event):
    """It could not be: there will be no TLS. `text` is complete, for a person."""

    protocol: str
    text: str


class TransportUsed(Event):
    """One read or write on the transport BIO. `result` bytes moved, or <= 0. `bio` and `buffer` are addresses."""

    sent: bool
    bio: int
    buffer: int
    wanted: int  # bytes
    result: int
    data: bytes


class MessageSeen(Event):
    """A protocol message or record header (SSL_CTX_set_msg_callback(3)). Code points as on the wire.

    If asked for, a handshake message comes with what is needed to decode it: the cipher `suite` chosen by then, and of
    each X.509 part in it the text libcrypto prints in `texts`: X509_print_ex(3) and PEM of a certificate, a name in
    one line, nothing of what it cannot read.
    """

    sent: bool
    version: int
    content_type: int
    data: bytes
    suite: int = 0
    texts: tuple[str, ...] = ()


class Retransmitted(Event):
    """DTLS: no answer came in time, so the last flight was sent again (RFC 6347 section 4.2.4)."""


class MtuRefused(Event):
    """DTLS: -mtu gives fewer bytes than the `least` that DTLS works with; there will be no handshake."""

    least: int


class StateChanged(Event):
    """The handshake moved (SSL_CTX_set_info_callback(3)). `operation`: SSL_connect, SSL_accept, undefined.

    `outcome`: "step"; at the end of a call "failed" (returned 0) or "error" (returned less).
    """

    operation: str
    state: str
    outcome: str


class AlertSeen(Event):
    """An alert: `level` warning or fatal, `description` in libssl's words."""

    sent: bool
    level: str
    description: str


class ExtensionSeen(Event):
    """An extension of the peer's (SSL_set_tlsext_debug_callback(3)). `from_server`: whose hello it was in."""

    from_server: bool
    type: int
    data: bytes


class SecurityChecked(Event):
    """The security level allowed or forbade something (SSL_CTX_set_security_callback(3)).

    `operation` is in the words of -security_debug. `item` is the cipher suite, group, certificate's digest or key
    it was about, `code` the code point of a version or signature scheme. A ticket or compression has neither.
    """

    operation: str
    item: str
    code: int
    bits: int  # of security
    allowed: bool


class CertificateChecked(Event):
    """One call of the verification callback (SSL_CTX_set_verify(3)).

    `ok` is what the library found, `accepted` what was answered; `detail` the extra line some errors have
    ("notAfter=...", "issuer= ..."), `subject` None when there is no certificate at this depth.
    """

    depth: int
    subject: str | None
    ok: bool
    error: int
    error_text: str
    accepted: bool
    detail: str | None


class PolicyChecked(Event):
    """Certificate policies of the verified chain. `text` is the whole block as printed.

    `notice`: the chain is fine and -policy_print asked; otherwise a required policy is missing.
    """

    text: str
    notice: bool


class CandidateChecked(Event):
    """One of several own certificates was considered for this connection (SSL_check_chain(3)).

    `number` counts from 1. `checks` are names and outcomes of everything looked at, the overall outcome first;
    `suite_b` is None where Suite B is not demanded.
    """

    number: int
    subject: str
    checks: tuple[tuple[str, bool], ...]
    suite_b: bool | None


class ServerInfoReceived(Event):
    """Client: the server answered an extension that was asked for by number."""

    type: int
    data: bytes


class ServerNameChecked(Event):
    """Client: whether a server name was sent and so could be acknowledged by the server."""

    sent: bool


class ServerNameReceived(Event):
    """Server: the client's server_name."""

    name: str


class ContextSwitched(Event):
    """Server: the name matched -servername, its certificate is used."""


class AlpnOffered(Event):
    """Server: the client's ALPN list, in its order."""

    protocols: tuple[str, ...]


class AlpnSelected(Event):
    """Server: the protocol chosen of it."""

    protocol: str


class StapleReceived(Event):
    """Client: what the server stapled to its certificate, for -status. `der` is empty when that was nothing.

    `staple` is None when there is nothing, or nothing that is an OCSP response.
    """

    der: bytes
    staple: Staple | None


class StapleRequested(Event):
    """Server: the client asks for an OCSP response with the certificate."""


class ResponderNamed(Event):
    """Server: the certificate names the OCSP responder that is going to be asked."""

    url: str


class StapleSent(Event):
    """Server: an OCSP response is stapled to the certificate."""

    staple: Staple


class StapleMissing(Event):
    """Server: there is no OCSP response to staple. `fatal`: so the handshake fails; otherwise it goes on without."""

    reason: str
    stack: tuple[str, ...]
    fatal: bool


class RevocationListFetched(Event):
    """A CRL was fetched from where the certificate says it is, for -crl_download. `size` in bytes."""

    url: str
    size: int


class RevocationListMissing(Event):
    """A CRL could not be fetched from there, or is none."""

    url: str
    stack: tuple[str, ...]


class NextProtocolsOffered(Event):
    """Client: the server's NPN list, in its order."""

    protocols: tuple[str, ...]


class NextProtocolSelected(Event):
    """Client: the protocol chosen for NPN. `common`: the server offers it too; otherwise it is our own first one."""

    protocol: str
    common: bool


class PskKeySet(Event):
    """A context has a pre-shared key now. `server`: whether it is a server's."""

    server: bool


class PskHintUnused(Event):
    """Server: the hint has nowhere to go, since TLS 1.3 has none."""


class PskRequested(Event):
    """Client: the server wants a pre-shared key (TLS 1.2 and below); `hint` says which, in its own way."""

    hint: str | None


class PskSent(Event):
    """Client: the answer, an identity and a key of `key_length` bytes."""

    identity: str
    key_length: int


class PskIdentityUnsendable(Event):
    """Client: no answer, because the identity of `length` bytes is longer than `limit`."""

    length: int
    limit: int


class PskIdentityReceived(Event):
    """Server: the client's identity. One that is not `expected` is `accepted` up to TLS 1.2 all the same.

    In TLS 1.3 only such an identity is told, and it is not accepted.
    """

    identity: str
    expected: str
    accepted: bool
    key_length: int  # bytes


class SrpParametersReceived(Event):
    """Client: the server's SRP group (RFC 5054 section 2.5.3), numbers in hexadecimal.

    `known`: it is one of RFC 5054's; `accepted`: we go on with it.
    """

    prime: str
    generator: str
    known: bool
    accepted: bool


class SrpUserWanted(Event):
    """Client: the server wants an SRP user's name, which is kept back until then: it gets it on a new connection."""


class SrpUserReceived(Event):
    """Server: the client's SRP user name. `info` is what the file of verifiers says about this user.

    The client of an unknown user learns that only by failing, if fake parameters can be made for it (`simulated`).
    """

    user: str
    known: bool
    simulated: bool
    info: str


class Blocked(Event):
    """An operation could not finish. `operation`: handshake, read, write; `want`: read, write, x509, async."""

    operation: str
    want: str


class HandshakeEnded(Event):
    """libssl is through with a handshake, the first or a later one. What came of it is told next.

    Told if `Watch.details` asks, for the sake of the moment: to gather what there is to tell takes time itself.
    """


class HandshakeCompleted(Event):
    """The first handshake of a connection ended well. `session_pem`: the session, for whoever wants to keep it."""

    summary: Summary
    session_pem: str = ""


class Renegotiated(Event):
    """A later handshake of a connection ended well, whoever asked for it (TLS 1.2 and below)."""

    summary: Summary


class HandshakeFailed(Event):
    """It ended badly. `stack` are libssl's error lines; `errno` is the system's, 0 when it was not the system.

    `verify_error` is the verification's text when that was not OK; `message` what we say ourselves, of a time limit or
    of early data before the handshake.
    """

    summary: Summary
    stack: tuple[str, ...]
    errno: int
    verify_error: str | None
    message: str = ""


class ReportRequested(Event):
    """Client: the report is wanted again, at the end (-prexit)."""

    summary: Summary


class TicketReceived(Event):
    """Client: a new session arrived (NewSessionTicket, or the session of a full TLS 1.2 handshake)."""

    session: SessionInfo
    after_handshake: bool  # TLS 1.3


class CookieRequested(Event):
    """Server: the client was sent a cookie, and is to come back with it (RFC 8446 section 4.2.2)."""


class EarlyDataReceived(Event):
    """Server: application data of the client's first flight; anybody may send it again (RFC 8446 section 8).

    `first`: there was none before on this connection.
    """

    data: bytes
    first: bool


class EarlyDataEnded(Event):
    """Server: there is no more of it. `outcome`: "not sent", "rejected", "accepted"; `size` is that of all of it."""

    outcome: str
    size: int  # bytes


class DataReceived(Event):
    """Application data, decrypted."""

    data: bytes


class RenegotiationRequested(Event):
    """The user asked for a new handshake on this connection (letter R)."""


class KeyUpdateRequested(Event):
    """The user asked for new keys (letters k and K); `of_peer`: the peer's as well (RFC 8446 section 4.6.3)."""

    of_peer: bool


class KeyUpdated(Event):
    """New keys for one direction (RFC 8446 section 4.6.3). `requested`: with the wish that the other side follows."""

    sent: bool
    requested: bool


class HandshakeRepeated(Event):
    """Server: SSL_do_handshake returned `result` for a letter that asked for it."""

    result: int


class RequestRefused(Event):
    """Server: libssl would not do what a letter asked for; the connection goes on."""

    stack: tuple[str, ...]


class CertificateRequestFailed(Event):
    """Server: the client cannot be asked for a certificate now."""

    stack: tuple[str, ...]


class SessionKept(Event):
    """Server: a new session is in the cache of -ext_cache."""


class SessionSought(Event):
    """Server: a client named a session, which was looked for in the cache of -ext_cache; `found` tells if it is there."""

    found: bool


class StatisticsTaken(Event):
    """The session counters, on request or at exit."""

    statistics: Statistics


class InputEnded(Event):
    """Standard input ended or the user quit (letter Q)."""


class ConnectionDropped(Event):
    """Server: the user ended this connection only (letter q)."""


class PeerClosed(Event):
    """The peer sent close_notify."""


class ConnectionFailed(Event):
    """After the handshake: reading or writing failed. `operation`: read, write, or wait for a time limit."""

    operation: str
    stack: tuple[str, ...]
    errno: int
    message: str = ""


class ReconnectStarted(Event):
    """Client: the connection is dropped to be made again, resuming its session (-reconnect)."""


class ShuttingDown(Event):
    """close_notify is about to be sent."""


class BytesCounted(Event):
    """All that a connection has moved over its transport, when we have nothing more to say."""

    read: int
    written: int


class Closed(Event):
    """The connection is over and its descriptor closed."""


class ShortageMet(Event):
    """A server cannot take another client for now: `reason` in the system's words. Told once per shortage."""

    reason: str


class RenegotiationStarted(Event):
    """-www: `GET /reneg` asked for a new handshake; `result` is SSL_renegotiate's, 0 when it cannot be."""

    result: int


class ServiceBroken(Event):
    """An error that nobody foresaw ended the service of a client: `problem` is what Python says of it."""

    problem: str


class KernelTlsMissing(Event):
    """-sendfile: the kernel does not encrypt for this connection, so the file is read and sent as without it."""


class FileSentByKernel(Event):
    """-sendfile: the kernel has encrypted and sent a file."""

    name: str


class FileServed(Event):
    """-WWW and -HTTP: a file is being sent."""

    name: str


class ConnectionSummarized(Event):
    """Server: all about one client's connection in one record; -json tells it last of each, in place of `Closed`.

    `error` says in words what went wrong. `closed`: by whom, "peer" or "local", or else how the connection ended:
    "cut-off", "time-limit", "failed". `handshake` and `total` are seconds, the former None if it never ended.
    """

    error: str | None
    closed: str
    local: str | None
    peer: str | None
    handshake: float | None
    total: float
    summary: Summary | None
    verification_errors: tuple[VerificationError, ...]
    alerts: tuple[Alert, ...]
    renegotiations: int
    key_updates_sent: int
    key_updates_received: int


class Finished(Event):
    """The run is over. `code`: the exit code; `reason`: how it went, by the words of -strict's table."""

    code: int
    reason: str


class Summarized(Event):
    """A whole run in one record; -json tells it last, in place of `Finished`. After several connections: of the last.

    `reason`: "ok", or what failed, by the words of -strict's table; or "interrupted". `closed`: "peer" (by the peer's
    close_notify), "local" (by ours), "cut-off" (the peer ended without), "time-limit", "failed", None without a
    connection. `error`: what went wrong, in the words of whoever noticed it first.
    """

    code: int  # the exit code
    reason: str
    error: str | None
    closed: str | None
    host: str | None  # as asked for
    service: str | None
    local: str | None  # numeric address
    peer: str | None
    phases: Phases
    summary: Summary | None  # None when it never came to TLS
    verification_errors: tuple[VerificationError, ...]
    alerts: tuple[Alert, ...]
    tickets: Tickets
    renegotiations: int
    key_updates_sent: int
    key_updates_received: int
    connections: int  # transports that were up
    resumptions: int  # handshakes that resumed a session
