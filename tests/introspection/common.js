// What the scripts for Node share: the packages' folder, and one reading after another.
'use strict';
const path = require('path');

exports.required = (name) => require(path.join(process.env.ORM_NODE, 'node_modules', name));

// HOST PORT SCHEMA [PORT SCHEMA …]
exports.each = async (read) => {
  const [host, ...targets] = process.argv.slice(2);
  for (let i = 0; i < targets.length; i += 2) {
    console.log('== ' + targets[i + 1]);
    await read({host, port: Number(targets[i]), database: targets[i + 1]});
  }
};

exports.failed = (e) => { console.error(e); process.exit(1); };
