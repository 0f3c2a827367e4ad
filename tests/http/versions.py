# SPDX-License-Identifier: MIT
"""versions.py - archives of this build, and of versions that come after it, for tests of upgrades.

    pack(folder, "messenger-inbox-2", schema=NEXT)     an archive whose programs know one more step
    with Unpacked() as st:                             a stand whose inbox was unpacked from one

These archives have the layout and the launchers of `make bundle`, and the loader and
the libraries of this system, so that they are made in a moment and of any build.
"""
import glob
import os
import re
import resource
import shlex
import shutil
import subprocess
import tarfile
import tempfile

from stand import SRC, Stand, _build, files

BASE = "messenger-inbox-1"
NEXT = "CREATE TABLE next_version(x INTEGER) STRICT; UPDATE message SET text = text || ' (2)'"
PROGRAMS = {"inboxctl": "bin", "inbox-sync": "bin", "inbox.fcgi": "libexec/messenger-inbox"}

_made = {}


def _variables(build):
    with open(os.path.join(build, "Makefile")) as f:
        found = dict(re.findall(r"^(\w+) = *(.*?) *$", f.read().replace("\\\n", " "), re.M))
    return lambda *names: [w for n in names for w in shlex.split(found.get(n, ""))]


def _launcher(build, folder):
    if "launch" not in _made:
        to = _made["launch"] = os.path.join(folder, "launch")
        subprocess.run(_variables(build)("CC")[-1:] + ["-static", "-O2", "-o", to, os.path.join(SRC, "bundle/launch.c")], check=True)
    return _made["launch"]


def _programs(build, folder, step):
    """The three programs of this build; with `step` those of a version whose schema has one more."""
    if not step:
        return {p: os.path.join(build, p) for p in PROGRAMS}
    if step in _made:
        return _made[step]
    to = tempfile.mkdtemp(dir=folder)
    v = _variables(build)
    with open(os.path.join(SRC, "lib/db/schema.c")) as f:
        text = f.read()
    text, n = re.subn(r"\n\};\n\nconst int schema_nsteps", ',\n"%s"\n};\n\nconst int schema_nsteps' % step, text)
    assert n == 1, "schema.c does not end as it did"
    with open(os.path.join(to, "schema.c"), "w") as f:
        f.write(text.replace('#include "schema.h"', '#include "%s/lib/db/schema.h"' % SRC))
    schema = os.path.join(to, "schema.o")
    subprocess.run(v("CC") + ["-std=gnu11"] + v("HARDEN_CFLAGS", "EXTRA_CFLAGS") + ["-c", "-o", schema, os.path.join(to, "schema.c")],
                   check=True)
    objects = {"inboxctl": ["cron/inboxctl.o", "cgi-bin/views.o"] + sorted(os.path.relpath(f, build) for f in glob.glob(os.path.join(build, "cron/ctl_*.o"))),
               "inbox-sync": ["cron/inbox-sync.o"],
               "inbox.fcgi": sorted(os.path.relpath(f, build) for f in glob.glob(os.path.join(build, "cgi-bin/*.o"))
                                    if not f.endswith("io_mem.o"))}
    for name, files in objects.items():
        subprocess.run(v("CC") + v("HARDEN_CFLAGS", "EXTRA_CFLAGS", "HARDEN_LDFLAGS") + ["-o", os.path.join(to, name), schema] +
                       [os.path.join(build, f) for f in files if os.path.exists(os.path.join(build, f))] + [os.path.join(build, "libinbox.a")] +
                       v("MXML_LIBS", "SQLITE_LIBS", "OPENSSL_LIBS", "JANSSON_LIBS", "FCGI_LIBS", "LIBS"), check=True)
    _made[step] = {p: os.path.join(to, p) for p in PROGRAMS}
    return _made[step]


def pack(folder, name, step=None, instead=None, without=()):
    """An archive; instead: {path in it: text of a shell script}, where @REAL@ is the program it takes the place of."""
    build, top = _build(), os.path.join(tempfile.mkdtemp(dir=folder), name)
    programs, launcher = _programs(build, folder, step), _launcher(build, folder)
    lib = os.path.join(top, "lib/messenger-inbox")
    os.makedirs(lib)
    for p, where in PROGRAMS.items():
        os.makedirs(os.path.join(top, where), exist_ok=True)
        os.link(launcher, os.path.join(top, where, p))
        os.symlink(programs[p], os.path.join(lib, p))
    loader = re.search(r"/\S*ld-linux\S*|/\S*/ld-musl\S*", subprocess.run(["ldd", programs["inboxctl"]], capture_output=True,
                                                                        text=True, check=True).stdout).group(0)
    os.symlink(os.path.realpath(loader), os.path.join(lib, "loader"))
    for d in ("po", "templates", "static", "web"):
        os.makedirs(os.path.join(top, "share/messenger-inbox"), exist_ok=True)
        os.symlink(os.path.join(SRC, d), os.path.join(top, "share/messenger-inbox", d))
    for path, text in (instead or {}).items():
        at, real = os.path.join(top, path), os.path.join(top, "real", os.path.basename(path))
        os.makedirs(os.path.dirname(real), exist_ok=True)
        os.rename(at, real)
        with open(at, "w") as f:
            f.write("#!/bin/sh\n" + text.replace("@REAL@", '"${0%%/%s}/real/%s"' % (path, os.path.basename(path))))
        os.chmod(at, 0o755)
    for path in without:
        os.unlink(os.path.join(top, path))
    archive = os.path.join(folder, name + ".tar.gz")
    with tarfile.open(archive, "w:gz", compresslevel=1, dereference=True) as t:
        t.add(top, name)
        link = tarfile.TarInfo(name + "/current")
        link.type, link.linkname = tarfile.SYMTYPE, "."
        t.addfile(link)
    shutil.rmtree(os.path.dirname(top))
    return archive


class Unpacked(Stand):
    """The inbox runs from an archive that was unpacked into the stand's folder."""

    def write_conf(self):
        self.packs = self.path("archives")
        os.mkdir(self.packs)
        _made.clear()
        subprocess.run(["tar", "-xzf", pack(self.packs, BASE), "-C", self.dir], check=True)
        self.home = self.path(BASE)
        self.build = self.path("programs")
        os.mkdir(self.build)
        for p, where in PROGRAMS.items():
            os.symlink(os.path.join(self.home, where, p), os.path.join(self.build, p))
        self.extra_conf = dict(self.extra_conf, templates="", catalogues="", static_dir="")
        super().write_conf()

    def ctl(self, *args, fault=None, timeout=300, most=None):
        """`most`: no file may be larger, as with a quota."""
        env = dict(os.environ)
        if fault:
            env["INBOX_FAULT"] = fault
        r = subprocess.run([os.path.join(self.home, "bin/inboxctl"), "-c", self.conf, *args], capture_output=True, text=True,
                           cwd=self.dir, stdin=subprocess.DEVNULL, env=env, timeout=timeout,
                           preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))) if most else None)
        assert "Sanitizer" not in r.stderr, r.stderr
        return r

    def link(self, name):
        try:
            return os.readlink(os.path.join(self.home, name))
        except OSError:
            return None

    def start_ctl(self, *args):
        """The same, while the test goes on."""
        p = subprocess.Popen([os.path.join(self.home, "bin/inboxctl"), "-c", self.conf, *args], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, cwd=self.dir, stdin=subprocess.DEVNULL)
        self.children.append(p)
        return p

    def end_workers(self):
        for p in list(self.workers):
            self.end(p)

    def fresh_worker(self):
        """As a supervisor would: one that has ended has a successor."""
        self.end_workers()
        self.workers = [self.start_worker()]

    def serves(self):
        """A new process answers a visitor."""
        self.fresh_worker()
        return self.browser().get("/").status == 200

    def schema(self):
        return self.db("PRAGMA user_version")[0][0]

    def media(self):
        """The files of messages."""
        return files(self.path("media"))

    def left(self):
        """What an attempt may not leave for good."""
        return [f for p in ("*.part-*", "*.trial-*", "*.copy-*", "*.back-*", BASE + "/versions/.new-*", BASE + "/.current-*", BASE + "/.previous-*")
                for f in glob.glob(self.path(p))]
