#!/usr/bin/env python3
"""`muster serve-repo` with the stock restic: backups over HTTP and TLS, accounts, append-only, and a server that dies."""
import base64
import ctypes
import filecmp
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import urllib.error
import urllib.request

import stage

PASSWORD = "correct-horse-battery"
OTHER = "quite-another-staple"


def bcrypt(password):
    """As `htpasswd -B` writes it."""
    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    return crypt(password.encode(), b"$2y$05$abcdefghijklmnopqrstuu").decode()


class Server:
    """A `muster serve-repo`; its log is NAME.log."""

    def __init__(self, case, *options, name="server"):
        self.case, self.options, self.log = case, options, case.folder / (name + ".log")
        self.folder = case.folder / "served"
        self.listen = "127.0.0.1:0"
        self.process = None

    def start(self):
        self.folder.mkdir(exist_ok=True)
        self.case.account.own(self.folder)
        offset = self.log.stat().st_size if self.log.exists() else 0
        argv = [self.case.binary, "serve-repo", "--path", self.folder, "--listen", self.listen, *self.options]
        self.process = self.case.account.start(argv, self.log)
        self.case.processes.append(self.process)
        said = self.case.eventually(
            "the server to serve", lambda: re.search(r"rest:(https?://(\S+)/)", self.text()[offset:]),
            unless=lambda: self.process.poll() is not None)
        self.url, self.listen = said.group(1), said.group(2)
        return self

    def text(self):
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def kill(self):
        self.process.kill()
        self.process.wait()

    def terminate(self, seconds=30):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def repository(self, path="", account=None, password=PASSWORD):
        """What restic calls it."""
        user = f"{account}:{password}@" if account else ""
        return "rest:" + self.url.replace("://", "://" + user) + path

    def uploads(self):
        """What uploads have on disk and are not yet objects."""
        return [path for path in self.folder.rglob(".muster-uploads/*") if path.is_file()]

    def request(self, method, path, account=None, password=PASSWORD, ca=None):
        request = urllib.request.Request(self.url + path, method=method)
        if account:
            token = base64.b64encode(f"{account}:{password}".encode()).decode()
            request.add_header("Authorization", "Basic " + token)
        context = ssl.create_default_context(cafile=ca) if ca else None
        try:
            with urllib.request.urlopen(request, timeout=20, context=context) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code


class ServeRepo(stage.Case):
    def setUp(self):
        super().setUp()
        self.source = self.folder / "source"
        self.write_source(12)

    def write_source(self, files):
        for number in range(files):
            path = self.source / f"d{number % 3}" / f"f{number}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(1 << 20))
        (self.source / "text").write_text("many words " * 10000, encoding="utf-8")

    def restic_argv(self, repository, *argv):
        return ["restic", "-r", repository, "--cache-dir", str(self.folder / "cache"), *map(str, argv)]

    def environment(self):
        return {**os.environ, "RESTIC_PASSWORD": "repository", "GOMAXPROCS": "2"}

    def restic(self, repository, *argv, code=0):
        done = subprocess.run(self.restic_argv(repository, *argv), text=True, capture_output=True, check=False,
                              timeout=200, env=self.environment(), cwd=self.folder)
        if code is not None:
            self.assertEqual(done.returncode, code, f"restic {argv}\n{done.stdout}{done.stderr}")
        return done

    def start_backup(self, repository, *argv):
        """A backup that is under way: slow, and in the middle of an upload."""
        argv = self.restic_argv(repository, "--limit-upload", "3000", "backup", "source", *argv)
        with open(self.folder / "backup.log", "ab") as out:
            process = subprocess.Popen(argv, env=self.environment(), cwd=self.folder, stdout=out, stderr=out)
        self.processes.append(process)
        return process

    def assert_restores(self, repository, *more):
        target = self.folder / "restored"
        shutil.rmtree(target, ignore_errors=True)
        self.restic(repository, *more, "restore", "latest", "--target", target)
        self.assert_same(self.source, target / "source")

    def assert_same(self, left, right):
        names = sorted(path.relative_to(left) for path in left.rglob("*") if path.is_file())
        self.assertEqual(names, sorted(path.relative_to(right) for path in right.rglob("*") if path.is_file()))
        equal, different, failed = filecmp.cmpfiles(left, right, names, shallow=False)
        self.assertEqual((len(equal), different, failed), (len(names), [], []))

    def accounts(self, **passwords):
        text = "".join(f"{name}:{bcrypt(password)}\n" for name, password in passwords.items())
        path = self.file("accounts.new", text, 0o600)
        os.replace(path, self.folder / "accounts")
        return self.folder / "accounts"

    def certificate(self, name="server"):
        """A certificate for 127.0.0.1 from a CA of the test's own: (certificate, key, CA)."""
        at = self.folder
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        if not (at / "ca.pem").exists():
            self.openssl("req", "-x509", *key, "-keyout", at / "ca.key", "-out", at / "ca.pem", "-subj", "/CN=test CA",
                         "-days", "2")
        names = self.file("names", "subjectAltName=IP:127.0.0.1\n")
        self.openssl("req", *key, "-keyout", at / f"{name}.key", "-out", at / f"{name}.csr", "-subj", f"/CN={name}")
        self.openssl("x509", "-req", "-in", at / f"{name}.csr", "-CA", at / "ca.pem", "-CAkey", at / "ca.key",
                     "-CAcreateserial", "-days", "2", "-extfile", names, "-out", at / f"{name}.pem")
        for suffix in (".pem", ".key"):
            self.account.own(at / (name + suffix))
        return at / f"{name}.pem", at / f"{name}.key", at / "ca.pem"

    def openssl(self, *argv):
        done = subprocess.run(["openssl", *map(str, argv)], text=True, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_restic_backs_up_checks_restores_and_prunes(self):
        server = Server(self, "--no-auth").start()
        repository = server.repository("laptop/")
        self.restic(repository, "init")
        self.restic(repository, "backup", "source")
        shutil.rmtree(self.source / "d0")
        self.write_source(2)
        self.restic(repository, "backup", "source")
        self.assertEqual(self.restic(repository, "snapshots").stdout.count("source"), 2)
        self.restic(repository, "check", "--read-data")
        self.assert_restores(repository)
        before = sum(path.stat().st_size for path in (server.folder / "laptop" / "data").rglob("*") if path.is_file())
        self.restic(repository, "forget", "--keep-last", "1", "--prune")
        after = sum(path.stat().st_size for path in (server.folder / "laptop" / "data").rglob("*") if path.is_file())
        self.assertLess(after, before)
        self.restic(repository, "check", "--read-data")
        self.assert_restores(repository)
        self.assertEqual(server.terminate(), 0)
        self.restic(str(server.folder / "laptop"), "check", "--read-data")
        self.assertEqual(server.uploads(), [])

    def test_tls_and_accounts_keep_others_out(self):
        certificate, key, ca = self.certificate()
        server = Server(self, "--tls-cert", certificate, "--tls-key", key, "--private-repos", "--htpasswd-file",
                        self.accounts(anna=PASSWORD, bert=OTHER)).start()
        self.assertTrue(server.url.startswith("https://"))
        anna = server.repository("anna/", "anna")
        self.restic(anna, "--cacert", ca, "init")
        self.restic(anna, "--cacert", ca, "backup", "source")
        self.restic(anna, "--cacert", ca, "check", "--read-data")
        self.assert_restores(anna, "--cacert", ca)
        self.assertIn("certificate", self.restic(anna, "snapshots", code=1).stderr)
        for account, password in ((None, ""), ("anna", OTHER), ("bert", OTHER), ("carl", PASSWORD)):
            refused = self.restic(server.repository("anna/", account, password), "--cacert", ca, "snapshots", code=1)
            self.assertIn("401", refused.stderr + refused.stdout, account)
        bert = server.repository("bert/", "bert", OTHER)
        self.restic(bert, "--cacert", ca, "init")
        self.assertEqual(self.restic(bert, "--cacert", ca, "snapshots").stdout.count("source"), 0)
        for secret in (PASSWORD, OTHER, base64.b64encode(f"anna:{PASSWORD}".encode()).decode()):
            self.assertNotIn(secret, server.text())
        self.assertIn("repo.denied", server.text())

    def test_accounts_and_certificate_are_read_again(self):
        certificate, key, ca = self.certificate()
        server = Server(self, "--tls-cert", certificate, "--tls-key", key, "--htpasswd-file",
                        self.accounts(anna=PASSWORD)).start()
        self.assertEqual(server.request("HEAD", "config", "anna", ca=ca), 404)
        self.accounts(anna=OTHER)
        self.eventually("the old password to be refused",
                        lambda: server.request("HEAD", "config", "anna", ca=ca) == 401)
        self.assertEqual(server.request("HEAD", "config", "anna", OTHER, ca=ca), 404)
        old = ssl.get_server_certificate(("127.0.0.1", int(server.listen.rsplit(":", 1)[1])))
        self.certificate()
        server.process.send_signal(signal.SIGHUP)
        self.eventually("the new certificate", lambda: "repo.certificate_read" in server.text())
        self.assertNotEqual(old, ssl.get_server_certificate(("127.0.0.1", int(server.listen.rsplit(":", 1)[1]))))
        self.assertEqual(server.request("HEAD", "config", "anna", OTHER, ca=ca), 404)
        key.write_text("no key", encoding="utf-8")
        server.process.send_signal(signal.SIGHUP)
        self.eventually("the bad key to be told", lambda: "repo.certificate_kept" in server.text())
        self.assertEqual(server.request("HEAD", "config", "anna", OTHER, ca=ca), 404)

    def test_an_append_only_repository_survives_its_client(self):
        options = ("--htpasswd-file", self.accounts(anna=PASSWORD))
        server = Server(self, "--append-only", *options).start()
        repository = server.repository("", "anna")
        self.restic(repository, "init")
        self.restic(repository, "backup", "source")
        self.restic(repository, "backup", "source", "--force")
        files = sorted(path for path in server.folder.rglob("*") if path.is_file() and "locks" not in path.parts)
        self.restic(repository, "forget", "--keep-last", "1", "--prune", code=1)
        for path in files:
            name = str(path.relative_to(server.folder)).replace("data/" + path.name[:2], "data")
            self.assertEqual(server.request("DELETE", name, "anna"), 403, name)
        self.assertEqual(files, sorted(path for path in server.folder.rglob("*")
                                       if path.is_file() and "locks" not in path.parts and path in files))
        self.assertIn("repo.kept", server.text())
        self.assertEqual(self.restic(repository, "snapshots").stdout.count("source"), 2)
        self.restic(repository, "check", "--read-data")
        self.assert_restores(repository)
        self.assertEqual(server.terminate(), 0)
        server.options = options
        server.start()
        self.restic(repository, "forget", "--keep-last", "1", "--prune")
        self.assertEqual(self.restic(repository, "snapshots").stdout.count("source"), 1)
        self.restic(repository, "check", "--read-data")

    def test_a_full_quota_stops_a_backup_and_harms_none(self):
        server = Server(self, "--no-auth", "--max-size", "20MiB").start()
        repository = server.repository()
        self.restic(repository, "init")
        self.restic(repository, "backup", "source")
        self.write_source(30)
        self.assertIn("507", self.restic(repository, "backup", "source", code=1).stderr)
        self.assertIn("repo.full", server.text())
        size = sum(path.stat().st_size for path in server.folder.rglob("*") if path.is_file())
        self.assertLessEqual(size, 20 << 20)
        self.assertEqual(server.uploads(), [])
        self.restic(repository, "check", "--read-data")

    def test_a_full_disk_stops_a_backup_and_harms_none(self):
        self.small_disk("served", 20)
        server = Server(self, "--no-auth").start()
        repository = server.repository()
        self.restic(repository, "init")
        self.restic(repository, "backup", self.source / "d0")
        self.write_source(30)
        backup = self.start_backup(repository)
        self.eventually("the disk to be full", lambda: "No space left" in server.text())
        backup.kill()
        backup.wait()
        self.eventually("the uploads to end", lambda: not server.uploads())
        self.restic(repository, "--no-lock", "check", "--read-data")

    def interrupted(self, interrupt, times):
        server = Server(self, "--no-auth").start()
        repository = server.repository()
        self.restic(repository, "init")
        backup = self.start_backup(repository)
        for _ in range(times):
            self.eventually("an upload", server.uploads, unless=lambda: backup.poll() is not None)
            interrupt(server)
            server.start()
        self.assertEqual(backup.wait(200), 0, (self.folder / "backup.log").read_text(encoding="utf-8"))
        self.assertEqual(server.uploads(), [])
        self.restic(repository, "check", "--read-data")
        self.assert_restores(repository)
        return server

    def test_restic_goes_on_when_the_server_was_killed(self):
        server = self.interrupted(Server.kill, 2)
        self.assertIn("repo.uploads_removed", server.text())

    def test_restic_goes_on_when_the_server_was_stopped(self):
        def stop(server):
            self.assertEqual(server.terminate(), 0)
            self.assertEqual(server.uploads(), [], "a stopped server leaves no half upload")
        # Once: what is under way may end within the server's grace, and then restic is done.
        server = self.interrupted(stop, 1)
        self.assertNotIn("repo.uploads_removed", server.text())

    def test_what_is_not_safe_is_refused_at_the_start(self):
        served = self.folder / "served"
        served.mkdir()
        self.account.own(served)
        certificate, key, _ = self.certificate()
        accounts = self.accounts(anna=PASSWORD)
        for options, says in (
                ([], "--no-auth"),
                (["--no-auth", "--listen", "0.0.0.0:0"], "--insecure-no-tls"),
                (["--no-auth", "--htpasswd-file", accounts], "leave one of them out"),
                (["--no-auth", "--private-repos"], "--htpasswd-file"),
                (["--no-auth", "--tls-cert", certificate], "--tls-key"),
                (["--no-auth", "--tls-cert", certificate, "--tls-key", certificate], "key"),
                (["--htpasswd-file", self.file("plain", f"anna:{PASSWORD}\n")], "bcrypt"),
                (["--no-auth", "--max-size", "much"], "size"),
                (["--no-auth", "--max-size", "0"], "--max-size"),
                (["--no-auth", "--path", self.folder / "none"], "mkdir")):
            path = [] if "--path" in options else ["--path", served]
            done = self.muster("serve-repo", *path, *options, code=2, timeout=20)
            self.assertIn(says, done.stderr, options)
            self.assertNotIn(PASSWORD, done.stderr + done.stdout)
        server = Server(self, "--no-auth").start()
        self.muster("serve-repo", "--path", server.folder, "--no-auth", "--listen", "127.0.0.1:0", code=1, timeout=20)
        self.assertEqual(server.terminate(), 0)


if __name__ == "__main__":
    stage.main()
