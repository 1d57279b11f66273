# SQLAlchemy's reflection, which parses SHOW CREATE TABLE. HOST PORT SCHEMA [PORT SCHEMA …]
import sys

from sqlalchemy import create_engine, inspect

host = sys.argv[1]
for port, schema in zip(sys.argv[2::2], sys.argv[3::2]):
    print("==", schema)
    table = inspect(create_engine("mysql+mysqldb://root@%s:%s/%s" % (host, port, schema)))
    for column in table.get_columns("transactions"):
        print(sorted((k, str(v)) for k, v in column.items()))
    print(table.get_pk_constraint("transactions"))
    for index in sorted(table.get_indexes("transactions"), key=lambda i: i["name"]):
        print(sorted(index.items()))
    print(table.get_foreign_keys("transactions"), table.get_unique_constraints("transactions"))
    print(sorted(table.get_table_options("transactions").items()))
