"""Certificates that another process makes, so that a server need not hold what makes them."""

import subprocess
import sys

from cryptography import x509

from fakes.apiserver.access import made_apart


def test_certificates_made_apart_are_of_one_authority_and_for_the_hosts() -> None:
    made = made_apart(["localhost", "127.0.0.1"])
    authority = x509.load_pem_x509_certificate(made.authority)
    certificate = x509.load_pem_x509_certificate(made.certificate)
    certificate.verify_directly_issued_by(authority)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert b"PRIVATE KEY" in made.key
    made.context()


def test_a_server_does_not_load_what_makes_certificates() -> None:
    program = "import sys, vksim.serve; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
