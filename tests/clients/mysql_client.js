'use strict';
const common = require('./common.js');
const mysql = common.required('mysql');

if (common.compressed) common.cannot();
const c = mysql.createConnection({...common.login, multipleStatements: true, supportBigNumbers: true,
  bigNumberStrings: true, dateStrings: true});

function shape(rows, fields, out) {
  if (Array.isArray(rows) && rows.length > 0 && (Array.isArray(rows[0]) || rows[0].constructor.name === 'OkPacket'))
    return rows.forEach((r, i) => shape(r, fields[i], out));
  if (!Array.isArray(rows)) return out.affected.push(rows.affectedRows);
  const names = fields.map((f) => f.name);
  out.sets.push(common.result(names, rows.map((r) => names.map((n) => r[n]))));
}

function next(steps) {
  if (steps.length === 0) return c.end();
  const s = steps[0];
  c.query(s.sql, s.params, (e, rows, fields) => {
    const out = {sets: [], affected: []};
    if (e && (e.fatal || !e.errno)) { console.error(e); process.exit(1); }
    if (!e) shape(rows, fields, out);
    common.say(s.name, e ? {error: e.errno} : out);
    next(steps.slice(1));
  });
}

c.connect((e) => {
  if (e) { console.error(e); process.exit(1); }
  next(common.steps());
});
