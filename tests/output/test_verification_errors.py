from __future__ import annotations

import re
import subprocess

from tlsdeck.output.verification_errors import VERIFICATION_ERRORS, verification_error

HEADER = "#include <openssl/x509_vfy.h>\n"


def test_names_and_numbers_are_those_of_the_library() -> None:
    macros = subprocess.run(
        ["cc", "-E", "-dM", "-"], input=HEADER, capture_output=True, text=True, check=True, timeout=20
    ).stdout
    numbers = {
        name: int(number)
        for name, number in re.findall(r"^#define (X509_V_\w+) (\d+)$", macros, re.MULTILINE)
    }
    ours = {name: number for number, name in enumerate(VERIFICATION_ERRORS) if name in numbers}
    assert len(ours) > 90
    assert ours == {name: numbers[name] for name in ours}


def test_unknown_numbers_have_no_name() -> None:
    assert verification_error(0) == "X509_V_OK"
    assert verification_error(62) == "X509_V_ERR_HOSTNAME_MISMATCH"
    assert verification_error(-1) is None
    assert verification_error(100000) is None
