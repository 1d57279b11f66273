# Django's inspectdb for the table transactions, and the introspection behind it. HOST PORT SCHEMA
import sys

import django
from django.conf import settings

host, port, schema = sys.argv[1:4]
settings.configure(
    INSTALLED_APPS=[],
    DATABASES={"default": {"ENGINE": "django.db.backends.mysql", "HOST": host, "PORT": port, "USER": "root",
                           "PASSWORD": "", "NAME": schema}},
)
django.setup()

from django.core.management import call_command
from django.db import connection

with connection.cursor() as cursor:
    for field in connection.introspection.get_table_description(cursor, "transactions"):
        print(field)
    for name, constraint in sorted(connection.introspection.get_constraints(cursor, "transactions").items()):
        print(name, constraint)
    print(connection.introspection.get_sequences(cursor, "transactions"))
call_command("inspectdb", "transactions")
