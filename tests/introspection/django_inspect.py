# Django's inspectdb for the table transactions, and the introspection behind it. HOST PORT SCHEMA [PORT SCHEMA …]
import sys

import django
from django.conf import settings

host, targets = sys.argv[1], list(zip(sys.argv[2::2], sys.argv[3::2]))
databases = {"at%d" % i: {"ENGINE": "django.db.backends.mysql", "HOST": host, "PORT": port, "USER": "root", "PASSWORD": "",
                          "NAME": schema} for i, (port, schema) in enumerate(targets)}
settings.configure(INSTALLED_APPS=[], DATABASES={"default": {}, **databases})
django.setup()

from django.core.management import call_command
from django.db import connections

for alias, facts in databases.items():
    print("==", facts["NAME"])
    db = connections[alias]
    with db.cursor() as cursor:
        for field in db.introspection.get_table_description(cursor, "transactions"):
            print(field)
        for name, constraint in sorted(db.introspection.get_constraints(cursor, "transactions").items()):
            print(name, constraint)
        print(db.introspection.get_sequences(cursor, "transactions"))
    sys.stdout.flush()
    call_command("inspectdb", "transactions", database=alias)
