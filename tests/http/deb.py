#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""deb - the Debian package: what is in it, and its life on a machine.

The machine is a folder (chroot): the libraries and web servers that the package
depends on, a static shell for its scripts, and Debian's own dpkg, called from
outside with --root by somebody who may be an ordinary user (unshare).  There it is
installed, set up, switched on in lighttpd and in Apache with the files it brings,
asked by a real request through its units' socket and command, removed, and purged.
What systemd and adduser would do is noted down by stand-ins.
"""
import glob
import hashlib
import io
import os
import pwd
import re
import select
import shutil
import socket
import subprocess
import tarfile
import unittest

from bundle import Bare, made_by
from stand import APP_ID, APP_SECRET, LIISA, PAGE_A, SRC, VERIFY, _build, free_port, say, until

ETC, VAR = "etc/messenger-inbox", "var/lib/messenger-inbox"
UNITS = ("messenger-inbox.service", "messenger-inbox.socket", "messenger-inbox-sync.service", "messenger-inbox-sync.timer")
APPLETS = "sh cat chmod chown echo id ln ls mkdir mv rm rmdir stat su test true".split()
MODULES = "mpm_event authz_core alias headers mime filter deflate proxy proxy_fcgi".split()
# Notes what it was called with.
NOTED = "#!/bin/sh\necho ${0##*/} \"$@\" >>/calls\n"


def package():
    return made_by("deb", "messenger-inbox_*.deb")


def dpkg_deb(*args):
    return subprocess.run(["dpkg-deb", *args], check=True, capture_output=True).stdout


def unit(name, key):
    """The values of a key in a unit of ours, as it was written."""
    with open(os.path.join(SRC, "deb", name)) as f:
        return re.findall(r"^%s=(.*)$" % key, f.read(), re.M)


class Machine(Bare):
    """A folder with what the package depends on; the package itself is not installed yet."""

    def __init__(self, packed, server="lighttpd"):
        super().__init__(packed)
        self.base_path, self.front = "/messages", server

    def inside(self):
        """Programs run as the one user of the machine; Apache does not want to be root, not even a little."""
        if self.user:
            return super().inside()
        return "/usr/bin/unshare -U --map-current-user --keep-caps /usr/sbin/chroot " + self.dir

    def put(self, *paths):
        """Files of this system; in the folder, as in Debian, /lib is /usr/lib."""
        for path in paths:
            there = self.path(path[1:] if path.startswith("/etc/") else "usr/" + path[1:].removeprefix("usr/"))
            if not os.path.exists(there):
                os.makedirs(os.path.dirname(there), exist_ok=True)
                shutil.copy2(path, there)

    def put_libraries(self, *programs):
        said = subprocess.run(["ldd", *programs], check=True, capture_output=True, text=True).stdout
        self.put(*set(re.findall(r"(?:=> |^\s)(/\S+)", said, re.M)))

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)

    def build_machine(self):
        for d in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc", "dev", "tmp", "run/systemd/system", "var/lib/dpkg/info",
                  "var/lib/dpkg/updates", "var/lib/dpkg/triggers"):
            os.makedirs(self.path(d))
        for d in ("bin", "sbin", "lib", "lib64"):
            os.symlink("usr/" + d, self.path(d))
        shutil.copy2("/bin/busybox", self.path("usr/bin/busybox"))
        for name in APPLETS:
            os.symlink("busybox", self.path("usr/bin", name))
        servers = ["/usr/sbin/lighttpd", "/usr/sbin/apache2", "/usr/bin/multiwatch", *glob.glob("/usr/lib/lighttpd/mod_*.so"),
                   *("/usr/lib/apache2/modules/mod_%s.so" % m for m in MODULES)]
        loaded = [subprocess.run(["gcc", "-print-file-name=" + name], check=True, capture_output=True, text=True).stdout.strip()
                  for name in ("libcurl.so.4", "libarchive.so.13")]
        self.put(*servers, *loaded, "/etc/mime.types", *("/usr/share/zoneinfo/" + z for z in ("UTC", "Asia/Tokyo", "Europe/Tallinn")))
        self.put_libraries(*servers, *loaded, *(os.path.join(_build(), p) for p in ("inbox.fcgi", "inbox-sync", "inboxctl")))
        # Whoever runs this is all that this machine has; the account gets that number.
        os.chmod(self.dir, 0o755)
        inner = pwd.getpwnam(self.user).pw_uid if self.user else 0
        for name in ("systemctl", "deb-systemd-helper", "deb-systemd-invoke"):
            self.write("usr/bin/" + name, NOTED, 0o755)
        self.write("usr/sbin/adduser", NOTED + "eval last=\\${$#}\necho \"$last:x:%d:%d::/:/bin/false\" >/etc/passwd\n"
                   "echo \"$last:x:%d:\" >/etc/group\n" % (inner, inner, inner), 0o755)
        self.write("dev/null", "", 0o666)
        self.write("calls", "", 0o666)
        self.write("clock", "%020d\n" % 0)
        # An ordinary user who runs this has the account's number already.
        self.write("usr/sbin/runuser", NOTED + "user=$2\nshift 3\n" + ("exec su -s /bin/sh $user -c \"$*\"\n" if self.user else "exec \"$@\"\n"),
                   0o755)
        # What dpkg is to know as installed: what the package depends on, in the versions of this system.
        needs = re.findall(r"(?:^|, )([a-z0-9.+-]+)", self.field("Depends"))
        self.write("var/lib/dpkg/status", subprocess.run(["dpkg-query", "-s", *needs], check=True, capture_output=True, text=True).stdout)
        self.write("var/lib/dpkg/available", "")
        arch = subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()
        for p in needs:
            for name in (p, p + ":" + arch):
                self.write("var/lib/dpkg/info/%s.list" % name, "")

    def field(self, name):
        return dpkg_deb("-f", self.packed, name).decode().strip()

    def dpkg(self, *args):
        """Debian's dpkg on this machine, by its root or by an ordinary user of ours."""
        ahead = [] if self.user else ["/usr/bin/unshare", "-Ur"]
        r = subprocess.run(ahead + ["dpkg", "--root=" + self.dir, "--log=/dev/null", *args], capture_output=True, text=True,
                           env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"})
        if r.returncode:
            raise AssertionError(r.stdout + r.stderr)
        return r.stdout + r.stderr

    def calls(self):
        """What the package's scripts asked of the system since the last time."""
        with open(self.path("calls"), "r+") as f:
            said = f.read().splitlines()
            f.truncate(0)
        return said

    # The web server and the units -----------------------------------------------------

    def start(self):
        self.port = free_port()
        self.url = "http://127.0.0.1:%d/messages" % self.port
        self.sandbox_proc = self.run_sandbox(0)
        self.build_machine()

    def go(self, *command):
        return self.inside().split() + list(command)

    def start_front(self):
        """The server of a Debian machine, as short as it can be."""
        if self.front == "lighttpd":
            # What Debian's own configuration has loaded, and may have set, already.
            self.write("etc/lighttpd/lighttpd.conf", """server.modules = ( "mod_indexfile", "mod_access", "mod_alias", "mod_redirect" )
server.bind = "127.0.0.1"
server.port = %d
server.document-root = "/tmp"
server.upload-dirs = ( "/tmp" )
server.errorlog = "/tmp/server.log"
deflate.mimetypes = ( "text/plain" )
deflate.allowed-encodings = ( "gzip" )
include "/etc/lighttpd/conf-enabled/*.conf"
""" % self.port)
            command = self.go("/usr/sbin/lighttpd", "-D", "-f", "/etc/lighttpd/lighttpd.conf")
            link, target = "etc/lighttpd/conf-enabled/50-messenger-inbox.conf", "../conf-available/50-messenger-inbox.conf"
        else:
            lines = ["ServerName site.invalid", "Listen 127.0.0.1:%d" % self.port, "ServerRoot /etc/apache2", "PidFile /tmp/pid",
                     "ErrorLog /tmp/server.log", "DefaultRuntimeDir /tmp", "Mutex file:/tmp default", "TypesConfig /etc/mime.types", "DocumentRoot /tmp"]
            lines += ["LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so" % (m, m) for m in MODULES]
            lines += ["<Directory />", "Require all denied", "</Directory>", "IncludeOptional conf-enabled/*.conf",
                      "<VirtualHost *:%d>" % self.port, "</VirtualHost>"]
            self.write("etc/apache2/apache2.conf", "\n".join(lines) + "\n")
            command = self.go("/usr/sbin/apache2", "-f", "/etc/apache2/apache2.conf", "-DFOREGROUND")
            link, target = "etc/apache2/conf-enabled/messenger-inbox.conf", "../conf-available/messenger-inbox.conf"
        os.makedirs(os.path.dirname(self.path(link)), exist_ok=True)
        os.symlink(target, self.path(link))             # a2enconf, lighty-enable-mod
        if self.user:
            for d in ("tmp", "clock"):
                shutil.chown(self.path(d), self.user, self.user)
        self.server = self.run(command, "server.log")
        until(lambda: self.status("/") is not None)

    def status(self, path):
        try:
            return self.browser().get("http://127.0.0.1:%d%s" % (self.port, path), follow=False).status
        except OSError:
            return None

    def listen(self):
        """messenger-inbox.socket"""
        where = self.path(unit("messenger-inbox.socket", "ListenStream")[0][1:])
        os.makedirs(os.path.dirname(where))
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(where)
        os.chmod(where, 0o666)
        self.listener.listen(128)

    def serve(self):
        """messenger-inbox.service, as soon as somebody knocks: its command, the socket as standard input."""
        select.select([self.listener], [], [], 20)
        command, = unit("messenger-inbox.service", "ExecStart")
        self.service = self.run(self.go(*command.split()), "worker.log", stdin=self.listener)

    def setup(self, *args, first=False, **answers):
        """inboxctl setup as the package's user."""
        lines = {"address": self.url, "language": "en", "mail": "admin@example.com", "web_folder": "-",
                 "facebook.app_id": APP_ID, "facebook.app_secret": APP_SECRET, "facebook.verify_token": VERIFY,
                 "facebook.graph_url": self.sandbox, "facebook.dialog_url": self.sandbox, "facebook.media_hosts": "127.0.0.1",
                 "pipedrive.client_id": "5f3c9a1b2c3d4e5f", "pipedrive.client_secret": "sandbox-pipedrive-secret",
                 "pipedrive.oauth_url": self.sandbox, "test.clock_file": "/clock", **answers}
        self.write("answers", "".join("%s = %s\n" % kv for kv in lines.items()))
        p = subprocess.Popen(self.go("/usr/bin/inboxctl", "setup", "--answers", "/answers", *args), text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             env={"PATH": "/usr/sbin:/usr/bin", "LANG": "C.UTF-8"})
        if first:
            self.serve()
        said, _ = p.communicate(timeout=60)
        return p.returncode, said

    def drill(self, backup):
        r = subprocess.run(self.go("/usr/bin/inboxctl", "backup", "--drill", backup), capture_output=True, text=True)
        if r.returncode or say("backup.good") not in r.stdout:
            raise AssertionError(r.stdout + r.stderr)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def owner(self, name):
        st = os.stat(self.path(name))
        return st.st_uid, st.st_mode & 0o7777


class Content(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.packed = package()

    def test_what_it_says_of_itself(self):
        field = dict(re.findall(r"^([A-Z][A-Za-z-]+): (.*)$", dpkg_deb("-f", self.packed).decode(), re.M))
        with open(os.path.join(SRC, "configure.ac")) as f:
            version = re.search(r"AC_INIT\(\[messenger-inbox\],\[(.*?)\]", f.read()).group(1)
        self.assertEqual((field["Package"], field["Version"]), ("messenger-inbox", version + "-1"))
        names = [p.split(" ")[0] for p in field["Depends"].split(", ")]
        # Linked with, loaded when needed, called by the scripts and the units.
        for p in (r"libc6", r"libsqlite3-0", r"libssl3\w*", r"libcurl4\w*", r"libarchive13\w*", "adduser", "multiwatch",
                  "ca-certificates", "tzdata"):
            self.assertTrue([n for n in names if re.fullmatch(p, n)], (p, names))
        self.assertEqual(len(set(names)), len(names))
        self.assertTrue(all("(>= " in p for p in field["Depends"].split(", ") if p.startswith("lib")))

    def test_what_is_in_it(self):
        with tarfile.open(fileobj=io.BytesIO(dpkg_deb("--fsys-tarfile", self.packed))) as t:
            members = {m.name[1:]: m for m in t.getmembers()}
            text = {n: t.extractfile(m).read() for n, m in members.items() if m.isfile()}
        for name, m in members.items():
            self.assertTrue(m.isdir() or m.isfile(), name)
            self.assertEqual((m.uid, m.gid, m.mode & 0o7022), (0, 0, 0), name)
            self.assertGreater(m.mtime, 1000000000, name)
            self.assertTrue(name in ("", "/etc", "/etc/lighttpd", "/etc/apache2", "/usr") or
                            name.startswith(("/usr/", "/etc/lighttpd/conf-available", "/etc/apache2/conf-available")), name)
        programs = {n for n, m in members.items() if m.isfile() and m.mode & 0o111}
        self.assertEqual({p for p in programs if not p.startswith("/usr/share/messenger-inbox/")},
                         {"/usr/bin/inboxctl", "/usr/bin/inbox-sync", "/usr/libexec/messenger-inbox/inbox.fcgi"})
        for f in ("copyright", "changelog.gz", "changelog.Debian.gz"):
            self.assertIn("/usr/share/doc/messenger-inbox/" + f, members)
        self.assertIn(b"Permission is hereby granted", text["/usr/share/doc/messenger-inbox/copyright"])
        for n in UNITS:
            self.assertNotIn(b"\n@", text["/usr/lib/systemd/system/" + n])
        for n in ("messenger-inbox.service", "messenger-inbox-sync.service"):
            for line in (b"NoNewPrivileges=yes", b"ProtectSystem=strict", b"CapabilityBoundingSet=", b"User=messenger-inbox",
                         b"ReadWritePaths=/var/lib/messenger-inbox"):
                self.assertIn(line, text["/usr/lib/systemd/system/" + n])
        # What an administrator changes is kept by upgrades.
        control = tarfile.open(fileobj=io.BytesIO(dpkg_deb("--ctrl-tarfile", self.packed)))
        kept = control.extractfile("./conffiles").read().decode().split()
        self.assertEqual(set(kept), {n for n, m in members.items() if n.startswith("/etc/") and m.isfile()})
        sums = dict(reversed(line.split("  ")) for line in control.extractfile("./md5sums").read().decode().splitlines())
        self.assertEqual(sums, {n[1:]: hashlib.md5(b).hexdigest() for n, b in text.items() if n.startswith("/usr/")})

    def test_units(self):
        """As systemd reads them, fences included."""
        with Machine(self.packed) as st:
            subprocess.run(["dpkg-deb", "-x", self.packed, st.path("units")], check=True)
            there = st.path("units/usr/lib/systemd/system")
            for f in glob.glob("/lib/systemd/system/*.target") + glob.glob("/lib/systemd/system/*.slice"):
                shutil.copy2(f, there)
            shutil.copy2("/usr/bin/multiwatch", st.path("units/usr/bin"))
            r = subprocess.run(["systemd-analyze", "verify", "--man=no", "--root=" + st.path("units"), *UNITS],
                               capture_output=True, text=True)
            self.assertEqual((r.returncode, r.stderr), (0, ""))
            r = subprocess.run(["systemd-analyze", "security", "--root=" + st.path("units"), "--offline=true", "--threshold=20",
                                "--no-pager", UNITS[0], UNITS[2]], capture_output=True, text=True)
            self.assertEqual(r.returncode, 0, r.stdout + r.stderr)


class Life(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.packed = package()

    def way(self, front):
        with Machine(self.packed, front) as st:
            said = st.dpkg("-i", self.packed)
            self.assertIn("sudo -u messenger-inbox inboxctl setup", said)
            calls = st.calls()
            self.assertEqual([c.split()[0] for c in calls].count("adduser"), 1)
            for u in ("messenger-inbox.socket", "messenger-inbox-sync.timer"):
                self.assertIn("deb-systemd-helper enable " + u, calls)
            self.assertIn("deb-systemd-invoke start messenger-inbox.socket messenger-inbox-sync.timer", calls)
            me = pwd.getpwnam(st.user).pw_uid if st.user else os.getuid()
            for d in (ETC, VAR):
                self.assertEqual(st.owner(d), (me, 0o700), d)
                self.assertEqual(os.listdir(st.path(d)), [])
            # Nothing is switched on in a web server by itself.
            self.assertFalse(os.path.exists(st.path("etc/lighttpd/conf-enabled")))
            self.assertFalse(os.path.exists(st.path("etc/apache2/conf-enabled")))

            st.start_front()
            st.listen()
            rc, said = st.setup(first=True)
            self.assertEqual(rc, 0, said)
            for promise in ("page", "static", "secrets", "challenge", "credentials", "large"):
                self.assertIn(say("setup.mark_ok") + " " + say("setup." + promise), said)
            self.assertIn(say("setup.timer", name="messenger-inbox-sync.timer"), said)
            self.assertNotIn("crontab -e", said)
            for f in (ETC + "/inbox.conf", ETC + "/keys", VAR + "/inbox.db"):
                self.assertEqual(st.owner(f), (me, 0o600), f)
            os.symlink(st.path(VAR, "inbox.db"), st.path("inbox.db"))
            st.from_outside("/usr", "/etc/messenger-inbox/inbox.conf")
            st.conf = "-"

            b = st.connect(pages=[PAGE_A])
            st.customer("Do you open on Sunday?")
            thread = until(st.thread)
            st.reply(b, thread, "From ten to four.")
            until(lambda: st.db("SELECT state FROM outbox") == [("sent",)])
            self.assertEqual(st.arrived(LIISA), ["From ten to four."])
            self.assertEqual(st.status("/"), 403)
            # The timer's command.
            command, = unit("messenger-inbox-sync.service", "ExecStart")
            subprocess.run(st.go(*command.split()), check=True, stderr=subprocess.DEVNULL)
            self.assertEqual(st.setup("--check")[0], 0)
            return self.end(st, front)

    def end(self, st, front):
        kept = {n: st.read(n) for n in (ETC + "/inbox.conf", ETC + "/keys")}
        mode = st.owner(ETC)
        # Once more, and as an upgrade: what is there stays, the service gets the new program.
        os.chmod(st.path(ETC), 0o750)
        st.calls()
        backup = "/" + VAR + "/before-upgrade.backup"
        self.assertFalse(os.path.exists(st.path(backup[1:])))
        said = st.dpkg("-i", self.packed)
        self.assertEqual(st.owner(ETC), (mode[0], 0o750))
        calls = st.calls()
        self.assertIn("deb-systemd-invoke try-restart messenger-inbox.service", calls)
        # A backup first, by the program that was there and as its user.
        self.assertIn("runuser -u messenger-inbox -- /usr/bin/inboxctl -c /etc/messenger-inbox/inbox.conf backup %s.new" % backup, calls)
        self.assertIn("a backup from before this upgrade is " + backup, said)
        st.drill(backup)
        # The next one takes its place; without room it is the database alone, and without keys there is none.
        with open(st.path(VAR, "media/a999-999-0"), "wb") as f:
            f.truncate(1 << 43)                 # a hole
        whole = os.stat(st.path(backup[1:])).st_ino
        self.assertIn("the files of messages are not in it", st.dpkg("-i", self.packed))
        self.assertNotEqual(os.stat(st.path(backup[1:])).st_ino, whole)
        st.drill(backup)
        os.unlink(f.name)
        copy = st.read(backup[1:])
        os.rename(st.path(VAR), st.path("elsewhere"))
        self.assertIn("no backup could be made", st.dpkg("-i", self.packed))
        os.rmdir(st.path(VAR))
        os.rename(st.path("elsewhere"), st.path(VAR))
        self.assertEqual(st.read(backup[1:]), copy)
        self.assertFalse(os.path.exists(st.path(backup[1:] + ".new")))
        self.assertEqual(st.status("/messages/"), 200)
        # Removed: switched off everywhere, nothing is lost.
        said = st.dpkg("-r", "messenger-inbox")
        self.assertIn("/var/lib/messenger-inbox", said)
        self.assertIn("deb-systemd-invoke stop messenger-inbox-sync.timer messenger-inbox-sync.service "
                      "messenger-inbox.socket messenger-inbox.service", st.calls())
        self.assertEqual(os.listdir(st.path("etc", "lighttpd" if front == "lighttpd" else "apache2", "conf-enabled")), [])
        self.assertFalse(os.path.exists(st.path("usr/bin/inboxctl")) or os.path.exists(st.path("usr/share/messenger-inbox")))
        self.assertEqual({n: st.read(n) for n in kept}, kept)
        self.assertTrue(st.db("SELECT 1 FROM message"))
        # Purged: everything of ours but the user.
        noted = st.path("var/lib/apache2/conf/enabled_by_admin/messenger-inbox")        # by a2enconf
        os.makedirs(os.path.dirname(noted), exist_ok=True)
        open(noted, "w").close()
        st.dpkg("-P", "messenger-inbox")
        left = [os.path.join(folder, f) for folder, dirs, files in os.walk(st.dir) for f in dirs + files if "messenger-inbox" in f]
        self.assertEqual([f for f in left if not f.startswith(st.path("run")) and "/dpkg/" not in f], [])
        self.assertIn("deb-systemd-helper purge messenger-inbox.socket", st.calls())

    def test_lighttpd(self):
        self.way("lighttpd")

    def test_apache(self):
        self.way("apache")

    def test_the_wrong_user(self):
        """What root makes the service could not read: refused, with the right command."""
        with Machine(self.packed) as st:
            st.dpkg("-i", self.packed)
            # An ordinary user is the only one of this machine: then it is the right one.
            command = ["/usr/sbin/chroot", st.dir] if st.user else st.inside().split()
            r = subprocess.run(command + ["/usr/bin/inboxctl", "setup", "--check"], capture_output=True, text=True)
            self.assertEqual((r.returncode, os.listdir(st.path(ETC))), (1, []))
            refused = say("setup.user_fix", user="messenger-inbox")
            self.assertEqual(refused in r.stdout, st.user is not None, r.stdout)


if __name__ == "__main__":
    unittest.main()
