import pymysql
from pymysql.constants import CLIENT
from pymysql.cursors import SSCursor

import common

if common.compressed():
    common.cannot()
host, port, user, password, schema = common.login()
c = pymysql.connect(host=host, port=port, user=user, password=password, database=schema, charset="utf8mb4",
                    autocommit=True, client_flag=CLIENT.MULTI_STATEMENTS, max_allowed_packet=64 << 20, **common.tls())
common.run_dbapi(c, SSCursor, pymysql.err.MySQLError)
c.close()
