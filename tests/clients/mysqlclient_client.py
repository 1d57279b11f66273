import os

import MySQLdb
from MySQLdb.constants import CLIENT
from MySQLdb.cursors import SSCursor

import common

host, port, user, password, schema = common.login()
more = {"compress": 1} if common.compressed() else {}
if os.environ["CLIENT_TLS"] == "1":
    more["ssl"] = {"cipher": "HIGH"}
c = MySQLdb.connect(host=host, port=port, user=user, passwd=password, db=schema, charset="utf8mb4", autocommit=True,
                    client_flag=CLIENT.MULTI_STATEMENTS, **more)
common.run_dbapi(c, SSCursor, MySQLdb.Error)
c.close()
