import asyncio

import aiomysql
import pymysql
from pymysql.constants import CLIENT

import common

if common.compressed():
    common.cannot()


async def step(c, name, mode, sql, params):
    cursor = await c.cursor(aiomysql.SSCursor if mode == "stream" else aiomysql.Cursor)
    try:
        await cursor.execute(sql.replace("?", "%s") if params else sql, params or None)
        sets, affected = [], []
        while True:
            if cursor.description:
                sets.append(common.result([d[0] for d in cursor.description], await cursor.fetchall()))
            else:
                affected.append(cursor.rowcount)
            if not await cursor.nextset():
                break
        common.say(name, sets=sets, affected=affected)
    except pymysql.err.MySQLError as e:
        common.say(name, error=e.args[0])
    await cursor.close()


async def main():
    host, port, user, password, schema = common.login()
    c = await aiomysql.connect(host=host, port=port, user=user, password=password, db=schema, charset="utf8mb4",
                               autocommit=True, client_flag=CLIENT.MULTI_STATEMENTS, **common.tls())
    for s in common.steps():
        await step(c, *s)
    c.close()


asyncio.run(main())
