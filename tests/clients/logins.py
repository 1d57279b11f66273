"""Every way to log in that a driver has: the account's plugin, TLS or not, compressed or not. Directly and through the
proxy, on a table that migrates, the answers to the steps of logins.tsv must be the same, and the proxy must have seen
the TLS and the compression that was asked for."""
import shutil
import tempfile

from drivers import Login, difference, transcript
from world import MIGRATING, PLAIN, Proxy, TlsMariaDB, call

PASSWORD = "pass-word of 41 bytes, more than 20 of it"


class Account:
    """cold: the server has forgotten the account's last login, and asks for the whole password."""

    def __init__(self, title, user, server, how, cold=False):
        self.title, self.user, self.server, self.how, self.cold = title, user, server, how, cold


ACCOUNTS = [
    Account("caching_sha2, cached", "l_cached", "mysql", "WITH caching_sha2_password BY '%s'"),
    Account("caching_sha2, full", "l_full", "mysql", "WITH caching_sha2_password BY '%s'", cold=True),
    Account("sha256", "l_sha256", "mysql", "WITH sha256_password BY '%s'"),
    Account("mysql_native", "l_native", "mariadb", "VIA mysql_native_password USING PASSWORD('%s')"),
    Account("ed25519", "l_ed25519", "mariadb", "VIA ed25519 USING PASSWORD('%s')"),
]
FORMS = [("plain", False, False), ("TLS", True, False), ("zip", False, True), ("TLS zip", True, True)]


def make_accounts(server):
    text = "INSTALL SONAME 'auth_ed25519';\n" if server.name == "mariadb" else ""
    for a in ACCOUNTS:
        if a.server == server.name:
            text += "DROP USER IF EXISTS %s@'127.0.0.1'; CREATE USER %s@'127.0.0.1' IDENTIFIED %s;\n" % (a.user, a.user, a.how % PASSWORD)
            text += "GRANT ALL ON `t\\_%%`.* TO %s@'127.0.0.1';\n" % a.user
    server.sql(text)


def warm(server, account):
    """The server remembers the password of the last login."""
    call(["mariadb", "--ssl", "--ssl-verify-server-cert=0", "-h", server.host, "-P", str(server.port), "-u" + account.user,
          "-p" + PASSWORD, "-e", "DO 1"], "a login of " + account.user)


class Matrix:
    def __init__(self):
        self.cells, self.failures = {}, []  # driver, account: the forms that were the same

    def one(self, driver, build, server, proxy, account, form):
        title, tls, compress = form
        login = Login(account.user, PASSWORD, tls, compress)

        def run(port, schema):
            if account.cold:
                server.sql("FLUSH PRIVILEGES")
            return transcript(driver, build, "127.0.0.1", port, schema, login, "logins.tsv")

        want_state, want = run(server.port, PLAIN)
        if want_state != "ok":
            return
        before = proxy.stats()
        state, got = run(proxy.tls_port if tls else proxy.port, MIGRATING)
        after = proxy.stats()
        seen = {k: after[k] - before[k] for k in ("clients_tls", "clients_compressed", "statements_refused")}
        why = None
        if state != "ok" or got != want:
            why = difference(want, got) if state == "ok" else state
        elif (seen["clients_tls"] > 0) != tls or (seen["clients_compressed"] > 0) != compress:
            why = "asked for TLS: %s, for compression: %s; the proxy saw %s" % (tls, compress, seen)
        if why is None:
            self.cells.setdefault(driver.name, {}).setdefault(account.title, []).append(title)
        else:
            self.failures.append("%s, %s, %s: %s" % (driver.name, account.title, title, why))
            print(self.failures[-1], flush=True)

    def on_server(self, server, wanted, build, binary):
        wanted = [d for d in wanted if d.kind == "driver"]
        folder = tempfile.mkdtemp(prefix="straddle-logins-")
        server.reset()
        make_accounts(server)
        proxy = Proxy(binary, server, folder)
        proxy.migrate(MIGRATING)
        for account in ACCOUNTS:
            if account.server != server.name:
                continue
            if not account.cold and server.name == "mysql":
                warm(server, account)
            for driver in wanted:
                for form in FORMS:
                    self.one(driver, build, server, proxy, account, form)
        proxy.end()
        if not self.failures:
            shutil.rmtree(folder)

    def on_mariadb(self, wanted, build, binary):
        folder = tempfile.mkdtemp(prefix="straddle-mariadb-")
        server = TlsMariaDB(folder)
        try:
            self.on_server(server, wanted, build, binary)
        finally:
            server.end()
            shutil.rmtree(folder)

    def table(self, wanted):
        lines = ["", "## Logins", "",
                 "Each driver logs in to accounts of every plugin that the servers have, without TLS (*plain*), with *TLS*, compressed",
                 "(*zip*), and both (*TLS zip*), as far as it can do so directly; then it walks the steps of",
                 "[logins.tsv](../tests/clients/logins.tsv) on a table that migrates. A form stands here where every answer was the same and",
                 "the proxy had the TLS and the compression that the driver was told to use. *cached*: MySQL remembers the account's last",
                 "login; *full*: it does not, so that the whole password is sent. MariaDB has parsec from 11.6 on.", "",
                 "| driver | " + " | ".join(a.server + " " + a.title for a in ACCOUNTS) + " |", "| --- |" + " --- |" * len(ACCOUNTS)]
        for d in wanted:
            if d.kind == "driver":
                row = self.cells.get(d.name, {})
                lines.append("| %s | " % d.name + " | ".join(", ".join(row.get(a.title, ["–"])) for a in ACCOUNTS) + " |")
        return "\n".join(lines) + "\n"
