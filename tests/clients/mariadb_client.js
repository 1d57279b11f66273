'use strict';
const common = require('./common.js');
const mariadb = common.required('mariadb');

function shape(r, out) {
  if (Array.isArray(r) && r.meta === undefined) return r.forEach((x) => shape(x, out));
  if (r.meta === undefined) return out.affected.push(r.affectedRows);
  out.sets.push(common.result(r.meta.map((m) => m.name()), [...r]));
}

(async () => {
  const c = await mariadb.createConnection({...common.login, compress: common.compressed, multipleStatements: true,
    rowsAsArray: true, dateStrings: true, allowPublicKeyRetrieval: true, maxAllowedPacket: 64 << 20});
  for (const s of common.steps()) {
    const out = {sets: [], affected: []};
    try {
      if (s.mode === 'stream') {
        const rows = [];
        for await (const row of c.queryStream(s.sql)) rows.push(row);
        out.sets.push(common.result([], rows));
      } else {
        shape(s.mode === 'prepared' ? await c.execute(s.sql, s.params) : await c.query(s.sql, s.params), out);
      }
      common.say(s.name, out);
    } catch (e) {
      common.say(s.name, {error: e.errno || e.message});
    }
  }
  await c.end();
})().catch((e) => { console.error(e); process.exit(1); });
