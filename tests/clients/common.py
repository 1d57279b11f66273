"""What the Python drivers share: the steps, and a transcript of JSON lines."""
import hashlib
import json
import os
import ssl
import sys

LONG = 200  # a cell with more bytes is written as its length and digest


def param(text):
    kind, value = text.split(":", 1)
    if kind == "i":
        return int(value)
    if kind == "b":
        return b"\x00\xff'\\" * (int(value) // 4)
    return None if kind == "n" else value


def steps():
    with open(os.environ["CLIENT_STEPS"], encoding="utf-8") as f:
        for line in f:
            name, mode, sql, *params = line.rstrip("\n").split("\t")
            yield name, mode, sql, [param(p) for p in params]


def cell(v):
    if isinstance(v, (bytes, bytearray)):
        v = "0x" + bytes(v).hex()
    elif v is not None and not isinstance(v, (int, float)):
        v = str(v)
    if isinstance(v, str) and len(v) > LONG:
        v = "%d %s" % (len(v), hashlib.sha1(v.encode()).hexdigest())
    return v


def result(names, rows):
    return {"columns": list(names), "rows": [[cell(v) for v in row] for row in rows]}


def say(name, **what):
    print(json.dumps({"step": name, **what}, ensure_ascii=False, sort_keys=True, default=str))


def login():
    e = os.environ
    return e["CLIENT_HOST"], int(e["CLIENT_PORT"]), e["CLIENT_USER"], e["CLIENT_PASSWORD"], e["CLIENT_SCHEMA"]


def compressed():
    return os.environ.get("CLIENT_COMPRESS") == "1"


def tls():
    """Arguments of a connection that is to have TLS, whatever the certificate is."""
    if os.environ.get("CLIENT_TLS") != "1":
        return {}
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return {"ssl": context}


def cannot():
    """What is asked for this driver does not have."""
    sys.exit(77)


def run_dbapi(connection, stream_cursor, error):
    """Every step by PEP 249. These drivers put parameters into the text themselves."""
    for name, mode, sql, params in steps():
        cursor = connection.cursor(stream_cursor) if mode == "stream" else connection.cursor()
        try:
            if params:
                cursor.execute(sql.replace("?", "%s"), params)
            else:
                cursor.execute(sql)
            sets, affected = [], []
            while True:
                if cursor.description:
                    sets.append(result([d[0] for d in cursor.description], cursor.fetchall()))
                else:
                    affected.append(cursor.rowcount)
                if not cursor.nextset():
                    break
            say(name, sets=sets, affected=affected)
        except error as e:
            say(name, error=e.args[0])
        cursor.close()
