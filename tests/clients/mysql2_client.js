'use strict';
const common = require('./common.js');
const mysql = common.required('mysql2/promise');

function shape(rows, fields, out) {
  const many = Array.isArray(fields) && (Array.isArray(fields[0]) || fields.some((f) => f === undefined));
  if (many) return rows.forEach((r, i) => shape(r, fields[i], out));
  if (fields) out.sets.push(common.result(fields.map((f) => f.name), rows));
  else out.affected.push(rows.affectedRows);
}

(async () => {
  const c = await mysql.createConnection({...common.login, compress: common.compressed, multipleStatements: true,
    rowsAsArray: true, supportBigNumbers: true, bigNumberStrings: true, dateStrings: true});
  for (const s of common.steps()) {
    const out = {sets: [], affected: []};
    try {
      const [rows, fields] = s.mode === 'prepared' ? await c.execute(s.sql, s.params) : await c.query(s.sql, s.params);
      shape(rows, fields, out);
      common.say(s.name, out);
    } catch (e) {
      common.say(s.name, {error: e.errno || e.message});
    }
  }
  await c.end();
})().catch((e) => { console.error(e); process.exit(1); });
