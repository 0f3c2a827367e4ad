# SPDX-License-Identifier: MIT
"""authority.py - certificates for tests of https, of an authority that only they know."""
import os
import subprocess


class Authority:
    """An authority in a folder, and certificates signed by it: a file with key and certificate each."""

    def __init__(self, folder):
        self.folder, self.file = folder, os.path.join(folder, "authority.pem")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=Test authority", "-days", "400",
                     "-keyout", self.path("authority.key"), "-out", self.file)

    def trust(self):
        """Whoever is started from now on, and we, know this authority and no other."""
        os.environ["SSL_CERT_FILE"] = os.environ["CURL_CA_BUNDLE"] = self.file

    def path(self, name):
        return os.path.join(self.folder, name)

    def openssl(self, *args):
        subprocess.run(["openssl", *args], cwd=self.folder, check=True, capture_output=True, timeout=60)

    def certificate(self, name, days=90, where="IP:127.0.0.1"):
        key, request, cert, both = (self.path("%s.%s" % (name, e)) for e in ("key", "csr", "crt", "pem"))
        with open(self.path("names"), "w") as f:
            f.write("subjectAltName=%s\n" % where)
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=inbox", "-keyout", key, "-out", request)
        self.openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.path("authority.key"), "-CAcreateserial", "-days", str(days),
                     "-extfile", self.path("names"), "-out", cert)
        with open(both, "w") as out:
            for part in (key, cert):
                with open(part) as f:
                    out.write(f.read())
        return both
