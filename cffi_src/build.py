"""Builds `tlsdeck.native._native`: one cffi API-mode extension over the system's libssl and libcrypto.

The declarations stand in `cdef/`, one real C header per OpenSSL header. They go through `cc -E` with OpenSSL's
version and configuration macros defined (and nothing else of OpenSSL's), so a function that some libssl lacks
stands behind an ordinary `#if`, and whether it is there is asked at run time with `native.has("name")`.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sysconfig
from pathlib import Path

from cffi import FFI

CDEF = Path(__file__).parent / "cdef"

# The order only matters where one header uses another's types.
HEADERS = (
    "types", "crypto", "err", "bio", "bn", "socket", "asn1", "evp", "x509", "x509_vfy", "x509v3", "pem", "ui",
    "store", "provider", "rand", "http", "ssl", "engine", "ct", "ocsp", "srp", "facts", "steps",
    "callbacks", "spawn", "tickets", "memory",
)  # fmt: skip

# Our own C, and what it shares with Python.
SOURCES = ("cdef/facts.h", "steps.c", "spawn.c", "tickets.c", "memory.c")

SOURCE = """
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <sys/wait.h>
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/opensslv.h>
#if OPENSSL_VERSION_NUMBER < 0x30000000L
#error "tlsdeck needs OpenSSL 3.0 or later"
#endif
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/ct.h>
#if !defined(OPENSSL_NO_ENGINE) && OPENSSL_VERSION_NUMBER < 0x40000000L
#include <openssl/engine.h>
#endif
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/http.h>
#include <openssl/objects.h>
#ifndef OPENSSL_NO_OCSP
#include <openssl/ocsp.h>
#endif
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/srp.h>
#include <openssl/ssl.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
"""


def declarations() -> str:
    """The headers under `cdef/`, preprocessed for the OpenSSL that is installed."""
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    flags = f"{os.environ.get('CPPFLAGS', '')} {os.environ.get('CFLAGS', '')}"
    command = [
        *shlex.split(compiler), *shlex.split(flags), "-E", "-P", "-x", "c",
        "-imacros", "openssl/opensslv.h", "-imacros", "openssl/opensslconf.h", "-",
    ]  # fmt: skip
    source = "\n".join(f'#include "{CDEF / name}.h"' for name in HEADERS)
    return subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout


def make_ffi() -> FFI:
    """The builder that setuptools asks for."""
    ffi = FFI()
    ffi.cdef(declarations())
    ffi.set_source(
        "tlsdeck.native._native",
        SOURCE + "".join((CDEF.parent / name).read_text() for name in SOURCES),
        libraries=["ssl", "crypto"],
        py_limited_api=False,
    )
    return ffi


ffibuilder = make_ffi()
