"""Authorities that take certificates back: a small PKI whose certificates say where to ask, and who answers there.

`Web` is an HTTP server on loopback with CRLs and an OCSP responder, which is `openssl ocsp` itself, asked through a
file. The certificates of a `World` name that server:

    root.pem  inter.pem      the authorities; cas.pem has both
    leaf.pem  leaf.key       localhost, signed by inter; its OCSP responder is /ocsp, its CRL /inter.crl
    fresh.pem                the same, with a freshest CRL at /delta.crl
    indirect.pem             the same, with its CRL at /indirect.crl, signed by crlsigner.pem
    plain.pem                the same, names nobody
    strange.pem              the same, its OCSP responder is no URL
    secret.pem               the same, its OCSP responder wants https
    client.pem client.key    a client's, signed by inter, its CRL is /inter.crl
    *.crl                    CRLs by name in PEM; `Authorities.crl` makes others
    index.txt                what the responder knows: leaf.pem and plain.pem are good
"""

from __future__ import annotations

import datetime as dt
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from support.pki import DAY, TODAY, Identity, authority, general_name, pem, private, sign, subject, unsigned

TIME_LIMIT = 20.0

# --- who answers -------------------------------------------------------------------------------------------------

# What is at a path: content, or what makes an answer of the request's body.
Page = bytes | Callable[[bytes], bytes]


class Web(ThreadingHTTPServer):
    """An HTTP server of `pages` by path; others have `moved`. `asked` are the requests so far: method and path.

    A page may be a function that takes its time: others are served meanwhile.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages: dict[str, Page] = {}
        self.moved: dict[str, str] = {}
        self.asked: list[str] = []
        self.silent = threading.Event()

    def stall(self, _body: bytes) -> bytes:
        """A page that is never answered."""
        self.silent.wait(TIME_LIMIT)
        return b""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Web

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        if self.path in self.server.moved:
            self.send_response(302)
            self.send_header("Location", self.server.url + self.server.moved[self.path])
            self.end_headers()
            return
        page = self.server.pages.get(self.path)
        if page is None:
            self.send_error(404)
            return
        content = page if isinstance(page, bytes) else page(body)
        self.send_response(200)
        self.send_header("Content-Type", _TYPES.get(self.command, ""))
        self.send_header("Content-Length", str(len(content)))
        with suppress(OSError):  # who asked had no patience
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_: object, **__: object) -> None:
        """Nothing on stderr: `asked` has it."""


_TYPES = {"GET": "application/pkix-crl", "POST": "application/ocsp-response"}


@contextmanager
def web() -> Iterator[Web]:
    """A server for the length of a test."""
    with Web() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.silent.set()
        server.shutdown()
        thread.join(TIME_LIMIT)


@dataclass(frozen=True)
class World:
    """A server, and the files of the PKI whose certificates name it."""

    web: Web
    files: dict[str, bytes]


@contextmanager
def world(authorities: Authorities) -> Iterator[World]:
    """Both for the length of a test: CRLs are where certificates say they are."""
    with web() as server:
        files = authorities.files(server.url)
        server.pages |= {f"/{name}.crl": der(files[f"{name}.crl"]) for name in ("inter", "delta", "indirect")}
        yield World(server, files)


def responder(directory: Path, *options: str) -> Callable[[bytes], bytes]:
    """Answers OCSP requests from the index in `directory`, in the name of inter."""

    def answer(request: bytes) -> bytes:
        with TemporaryDirectory() as place:
            asked, answered = Path(place) / "request", Path(place) / "response"
            asked.write_bytes(request)
            subprocess.run(
                ["openssl", "ocsp", "-index", "index.txt", "-CA", "inter.pem", "-rsigner", "inter.pem",
                 "-rkey", "inter.key", *options, "-reqin", asked, "-respout", answered],
                cwd=directory, check=True, capture_output=True, timeout=TIME_LIMIT,
            )  # fmt: skip
            return answered.read_bytes()

    return answer


# --- the PKI -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Authorities:
    """Made once; certificates and CRLs in their name are made as tests want them."""

    root: Identity
    inter: Identity
    crl_signer: Identity
    key: rsa.RSAPrivateKey

    def files(self, url: str) -> dict[str, bytes]:
        """The certificates that name the server at `url`."""
        ocsp, crl = _ocsp(f"{url}/ocsp"), _distribution(f"{url}/inter.crl")
        leaves = {
            "leaf": self.leaf(self.inter, [ocsp, crl]),
            "fresh": self.leaf(self.inter, [crl, x509.FreshestCRL(_points(f"{url}/delta.crl"))]),
            "indirect": self.leaf(
                self.inter, [_distribution(f"{url}/indirect.crl", self.crl_signer.certificate.subject)]
            ),
            "plain": self.leaf(self.inter, []),
            "strange": self.leaf(self.inter, [_ocsp("http://[/")]),
            "secret": self.leaf(self.inter, [_ocsp(f"https{url[4:]}/ocsp")]),
            "client": self.leaf(self.inter, [crl], ExtendedKeyUsageOID.CLIENT_AUTH),
        }
        files = {f"{name}.pem": pem(certificate) for name, certificate in leaves.items()}
        files |= {f"{name}.key": private(self.key) for name in leaves}
        for name, identity in (("root", self.root), ("inter", self.inter), ("crlsigner", self.crl_signer)):
            files |= {f"{name}.pem": pem(identity.certificate), f"{name}.key": private(identity.key)}
        files["cas.pem"] = files["root.pem"] + files["inter.pem"]
        files["index.txt"] = b"".join(map(_index_line, (leaves["leaf"], leaves["plain"])))
        revoked = [leaves["leaf"], leaves["fresh"], leaves["client"]]
        files |= {
            "root.crl": self.crl(self.root),
            "inter.crl": self.crl(self.inter),
            "root-revoked.crl": self.crl(self.root, [self.inter.certificate]),
            "inter-revoked.crl": self.crl(self.inter, revoked),
            "inter-old.crl": self.crl(self.inter, end=TODAY - DAY / 2),
            "delta.crl": self.crl(self.inter, number=2, base=1),
            "delta-revoked.crl": self.crl(self.inter, [leaves["fresh"]], number=2, base=1),
            "indirect.crl": self.crl(self.crl_signer, at=f"{url}/indirect.crl"),
            "indirect-revoked.crl": self.crl(
                self.crl_signer, [leaves["indirect"]], at=f"{url}/indirect.crl"
            ),
        }  # fmt: skip
        return files

    def leaf(
        self,
        issuer: Identity,
        extensions: Sequence[x509.ExtensionType],
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    ) -> x509.Certificate:
        name = "localhost" if usage == ExtendedKeyUsageOID.SERVER_AUTH else "a client"
        builder = unsigned(subject(name), self.key, issuer, TODAY - DAY, TODAY + 365 * DAY)
        names = x509.SubjectAlternativeName([general_name("localhost")])
        for extension in (x509.ExtendedKeyUsage([usage]), names, *extensions):
            builder = builder.add_extension(extension, critical=False)
        return sign(builder, self.key, issuer)

    def named(self, url: str) -> bytes:
        """A certificate of inter's with any place for its CRL."""
        return pem(self.leaf(self.inter, [_distribution(url)]))

    def crl(
        self,
        issuer: Identity,
        revoked: Sequence[x509.Certificate] = (),
        *,
        end: dt.datetime = TODAY + 30 * DAY,
        number: int = 1,
        base: int | None = None,
        at: str | None = None,
    ) -> bytes:
        """A CRL in PEM: complete, a delta to number `base`, or, published `at` a place, an indirect one."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.certificate.subject)
            .last_update(TODAY - DAY)
            .next_update(end)
            .add_extension(x509.CRLNumber(number), critical=False)
        )
        if base is not None:
            builder = builder.add_extension(x509.DeltaCRLIndicator(base), critical=True)
        if at is not None:
            scope = x509.IssuingDistributionPoint(
                full_name=[x509.UniformResourceIdentifier(at)],
                relative_name=None,
                only_contains_user_certs=False,
                only_contains_ca_certs=False,
                only_some_reasons=None,
                indirect_crl=True,
                only_contains_attribute_certs=False,
            )
            builder = builder.add_extension(scope, critical=True)
        for certificate in revoked:
            builder = builder.add_revoked_certificate(_entry(certificate, indirect=at is not None))
        return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def make_authorities() -> Authorities:
    root = authority("tlsdeck revocation root", None)
    inter = authority("tlsdeck revocation intermediate", root)
    signer = authority("tlsdeck CRL issuer", root)
    return Authorities(root, inter, signer, rsa.generate_private_key(65537, 2048))


def der(crl_pem: bytes) -> bytes:
    """A CRL as it is published."""
    return x509.load_pem_x509_crl(crl_pem).public_bytes(Encoding.DER)


def _entry(certificate: x509.Certificate, *, indirect: bool) -> x509.RevokedCertificate:
    builder = (
        x509.RevokedCertificateBuilder()
        .serial_number(certificate.serial_number)
        .revocation_date(TODAY)
        .add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
    )
    if indirect:
        issuer = x509.CertificateIssuer([x509.DirectoryName(certificate.issuer)])
        builder = builder.add_extension(issuer, critical=True)
    return builder.build()


def _ocsp(url: str) -> x509.AuthorityInformationAccess:
    place = x509.UniformResourceIdentifier(url)
    return x509.AuthorityInformationAccess(
        [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)]
    )


def _distribution(url: str, issuer: x509.Name | None = None) -> x509.CRLDistributionPoints:
    return x509.CRLDistributionPoints(_points(url, issuer))


def _points(url: str, issuer: x509.Name | None = None) -> list[x509.DistributionPoint]:
    place = [x509.UniformResourceIdentifier(url)]
    return [
        x509.DistributionPoint(place, None, None, None if issuer is None else [x509.DirectoryName(issuer)])
    ]


def _index_line(certificate: x509.Certificate) -> bytes:
    """A line of the database of openssl-ca(1): valid until 2040."""
    serial = f"{certificate.serial_number:040X}"
    return f"V\t400101000000Z\t\t{serial}\tunknown\t/CN={serial}\n".encode()
