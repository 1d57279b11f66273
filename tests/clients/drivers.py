"""The clients: how each is built and run, and its transcript."""
import os
import shutil
import subprocess

from world import MIGRATING, PLAIN, call, here

JAR = "/usr/share/java/mariadb-java-client.jar"
CACHE = os.environ.get("STRADDLE_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "straddle")


class Driver:
    """kind: driver (walks steps, logs in every way), metadata (a driver that reads only), tool, or ddl (a tool that
    changes tables, which a migrating one refuses)."""

    def __init__(self, name, command, kind="driver", moderate=False):
        self.name, self.command, self.kind, self.moderate = name, command, kind, moderate


def drivers(build):
    python, node = "/usr/bin/python3", "node"

    def tool(name, what, kind="tool", moderate=False):
        return Driver(name, ["bash", here("tools.sh"), what], kind, moderate)

    return [
        Driver("MariaDB Connector/C", [os.path.join(build, "c_client")], moderate=True),
        Driver("libmysqlclient", [os.path.join(build, "c_client_mysql")]),
        Driver("PyMySQL", [python, here("pymysql_client.py")], moderate=True),
        Driver("mysqlclient", [python, here("mysqlclient_client.py")]),
        Driver("aiomysql", [python, here("aiomysql_client.py")]),
        Driver("node mysql2", [node, here("mysql2_client.js")]),
        Driver("node mysql", [node, here("mysql_client.js")]),
        Driver("node mariadb", [node, here("mariadb_client.js")]),
        Driver("PHP mysqli", ["php", here("mysqli_client.php")], moderate=True),
        Driver("PHP PDO", ["php", here("pdo_client.php")]),
        Driver("Perl DBD::mysql", ["perl", here("dbd_client.pl"), "mysql"]),
        Driver("Perl DBD::MariaDB", ["perl", here("dbd_client.pl"), "MariaDB"], moderate=True),
        Driver("Ruby mysql2", ["ruby", here("mysql2_client.rb")]),
        Driver("Go go-sql-driver", [os.path.join(build, "go_client")]),
        Driver("Java Connector/J", ["java", "-cp", build + ":" + JAR, "ConnectorJ"]),
        Driver("JDBC metadata (DBeaver)", ["java", "-cp", build + ":" + JAR, "JdbcMetadata"], "metadata", moderate=True),
        tool("mysqldump (MariaDB)", "dump", moderate=True),
        tool("mysqldump (MySQL)", "mysql-dump"),
        tool("mysqlimport", "import"),
        tool("mydumper", "mydumper"),
        tool("sysbench", "sysbench"),
        tool("pt-table-checksum", "checksum"),
        tool("pt-online-schema-change", "osc", "ddl"),
    ]


def prepare(build, wanted):
    """Compiles what needs it, and fetches the packages of the npm registry."""
    names = [d.name for d in wanted]
    if "MariaDB Connector/C" in names:
        flags = call(["pkg-config", "--cflags", "--libs", "libmariadb"], "pkg-config").split()
        call(["gcc", "-O1", "-o", os.path.join(build, "c_client"), here("c_client.c")] + flags, "gcc")
    if "libmysqlclient" in names:
        call([here("libmysqlclient"), build], "libmysqlclient")
    if "Go go-sql-driver" in names:
        env = dict(os.environ, GOPATH="/usr/share/gocode", GO111MODULE="off", GOFLAGS="", GOCACHE=os.path.join(build, "go"))
        call(["go", "build", "-o", os.path.join(build, "go_client"), here("go_client.go")], "go build", env=env)
    if any(d.command[0] == "java" for d in wanted):
        call(["javac", "-d", build, here("ConnectorJ.java"), here("JdbcMetadata.java")], "javac")
    if any(n.startswith("node") for n in names) and not os.path.isdir(os.path.join(build, "node_modules", "mariadb")):
        shutil.copy(here("package.json"), build)
        shutil.copy(here("package-lock.json"), build)
        call(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], "npm ci", cwd=build)


class Login:
    def __init__(self, user, password=None, tls=False, compress=False):
        self.user, self.password, self.tls, self.compress = user, password or user, tls, compress


def transcript(driver, build, host, port, schema, login, steps="steps.tsv", place=""):
    """What happened (ok, none: the driver has no such thing, hangs, fails: why), and what it printed."""
    def flag(on):
        return "1" if on else "0"
    env = dict(os.environ, CLIENT_HOST=host, CLIENT_PORT=str(port), CLIENT_USER=login.user, CLIENT_PASSWORD=login.password,
               CLIENT_SCHEMA=schema, CLIENT_COMPRESS=flag(login.compress), CLIENT_TLS=flag(login.tls), CLIENT_NODE=build,
               CLIENT_STEPS=here(steps), CLIENT_BUILD=build, CLIENT_PLACE=place, CLIENT_MYSQL=os.path.join(CACHE, "mysql", "bin"),
               LC_ALL="C.UTF-8")
    try:
        p = subprocess.run(driver.command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
    except subprocess.TimeoutExpired:
        return "hangs", ""
    out = p.stdout.decode(errors="replace").replace(MIGRATING, PLAIN)
    if p.returncode == 77:
        return "none", out
    if p.returncode != 0:
        return "fails: " + (p.stderr.decode(errors="replace").strip() or out).replace("\n", " ")[-200:], out
    return "ok", out


def difference(a, b):
    for x, y in zip(a.splitlines() + [""], b.splitlines() + [""]):
        if x != y:
            return "directly %.300s\n    proxied  %.300s" % (x or "(nothing)", y or "(nothing)")
    return "the number of lines"
