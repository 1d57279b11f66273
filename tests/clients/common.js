// What the Node drivers share: the steps, and a transcript of JSON lines.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');

const LONG = 200; // a cell with more characters is written as its length and digest

function param(text) {
  const kind = text[0], value = text.slice(2);
  if (kind === 'i') return Number(value);
  if (kind === 'b') return Buffer.alloc(Number(value), Buffer.from([0, 255, 39, 92]));
  return kind === 'n' ? null : value;
}

exports.steps = () => fs.readFileSync(process.env.CLIENT_STEPS, 'utf8').trimEnd().split('\n').map((line) => {
  const [name, mode, sql, ...params] = line.split('\t');
  return {name, mode, sql, params: params.map(param)};
});

exports.cell = (v) => {
  if (v === null || v === undefined) return null;
  if (Buffer.isBuffer(v)) v = '0x' + v.toString('hex');
  else if (v instanceof Date) v = v.toISOString();
  else if (typeof v === 'bigint') v = v.toString();
  else if (typeof v === 'object') v = JSON.stringify(v);
  if (typeof v === 'string' && v.length > LONG) v = v.length + ' ' + crypto.createHash('sha1').update(v).digest('hex');
  return v;
};

exports.result = (names, rows) => ({columns: names, rows: rows.map((r) => r.map(exports.cell))});
exports.say = (step, what) => console.log(JSON.stringify({step, ...what}));
exports.compressed = process.env.CLIENT_COMPRESS === '1';
exports.tls = process.env.CLIENT_TLS === '1' ? {ssl: {rejectUnauthorized: false}} : {};
exports.login = {host: process.env.CLIENT_HOST, port: Number(process.env.CLIENT_PORT), user: process.env.CLIENT_USER,
  password: process.env.CLIENT_PASSWORD, database: process.env.CLIENT_SCHEMA, ...exports.tls};
exports.cannot = () => process.exit(77);
exports.required = (name) => require(path.join(process.env.CLIENT_NODE, 'node_modules', name));
