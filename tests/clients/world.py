"""The servers that clients are tried on, and a straddle before one."""
import json
import os
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PLAIN, MIGRATING, OTHER = "t_ref", "t_cli", "t_oth"  # schemas; names of one length, as they stand in messages


def here(*names):
    return os.path.join(HERE, *names)


def call(command, what, **more):
    p = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if p.returncode != 0:
        sys.exit("clients: %s failed:\n%s" % (what, p.stdout[-3000:]))
    return p.stdout


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, name, where):
        self.name = name
        self.host, port = where.rsplit(":", 1)
        self.port = int(port)

    @staticmethod
    def of(name, variable):
        where = os.environ.get(variable)
        if not where:
            sys.exit("clients: %s is not set to host:port; start one with tests/servers/%s up" % (variable, name))
        return Server(name, where)

    def sql(self, text):
        return call(["mariadb", "--skip-ssl", "-h", self.host, "-P", str(self.port), "-uroot", "--default-character-set=utf8mb4"],
                    "SQL on " + self.name, input=text)

    def reset(self):
        with open(here("schema.sql"), encoding="utf-8") as f:
            schema = f.read()
        text = "SET GLOBAL max_allowed_packet = 67108864; SET GLOBAL local_infile = 1; SET GLOBAL log_bin_trust_function_creators = 1;\n"
        text += "CREATE USER IF NOT EXISTS t_tools IDENTIFIED BY 't_tools'; GRANT ALL ON *.* TO t_tools WITH GRANT OPTION;\n"
        text += "DROP DATABASE IF EXISTS straddle;\n"
        for name, column in ((PLAIN, "category"), (MIGRATING, "kind"), (OTHER, "kind")):
            text += "DROP DATABASE IF EXISTS %s; CREATE DATABASE %s CHARACTER SET utf8mb4; USE %s;\n" % (name, name, name)
            body = schema.replace("COLUMN", column)
            text += body.replace("CREATE PROCEDURE", "DELIMITER //\nCREATE PROCEDURE").rstrip() + " //\nDELIMITER ;\n"
        self.sql(text)


class TlsMariaDB(Server):
    """A MariaDB of our own: Debian's comes without a certificate, and so without TLS."""

    def __init__(self, folder):
        super().__init__("mariadb", "127.0.0.1:%d" % free_port())
        key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "certificate.pem")
        call(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost",
              "-keyout", key, "-out", certificate], "openssl")
        self.script("up", EXTRA="ssl-cert=%s\nssl-key=%s" % (certificate, key))

    def script(self, what, **more):
        env = {k: v for k, v in os.environ.items() if k not in ("DIR", "REPLICA_OF")}
        call([here("..", "servers", "mariadb"), what], "the MariaDB with TLS", env={**env, "PORT": str(self.port), **more})

    def end(self):
        self.script("wipe")


class Proxy:
    """Two listeners: one that takes TLS, and one (tls_port) that takes nothing else."""

    def __init__(self, binary, server, folder):
        self.binary, self.folder = binary, folder
        self.port, self.tls_port, self.admin = free_port(), free_port(), free_port()
        self.config = os.path.join(folder, "straddle.yaml")
        with open(self.config, "w", encoding="utf-8") as f:
            f.write("listeners:\n  - {address: 127.0.0.1:%d, schema_version: new}\n"
                    "  - {address: 127.0.0.1:%d, schema_version: new, tls: required}\n"
                    "admin:\n  address: 127.0.0.1:%d\n  users: [{name: admin, password: admin, role: operator}]\n"
                    "backend: {address: '%s:%d', user: straddle, password: straddle}\nthreads: 1\n"
                    % (self.port, self.tls_port, self.admin, server.host, server.port))
        self.log = open(os.path.join(folder, "log"), "w", encoding="utf-8")
        self.process = subprocess.Popen([binary, "serve", "-c", self.config], stdout=self.log, stderr=self.log)
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", self.admin), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        sys.exit("clients: straddle did not come up; its log is " + self.log.name)

    def command(self, text, *options):
        return call([self.binary, "ctl", "-c", self.config, text, *options], text)

    def migrate(self, schema, table="items", old="kind", new="category"):
        name = "move_%s_%s" % (schema, table)
        self.command("APPLY MIGRATION 'name: %s\ntable: %s.%s\ncolumns: [{from: %s, to: %s}]\n'" % (name, schema, table, old, new))
        self.command("ADVANCE MIGRATION %s TO expanded" % name)
        self.command("ADVANCE MIGRATION %s TO dual_write" % name)

    def stats(self):
        return {row["name"]: float(row["value"]) for row in json.loads(self.command("SHOW STATS", "--json"))}

    def end(self):
        self.process.terminate()
        status = self.process.wait(60)
        self.log.close()
        if status != 0:
            sys.exit("clients: straddle ended with status %d; its log is %s" % (status, self.log.name))
