// Sequelize: describeTable, showIndex and the foreign keys, and the model that sequelize-auto writes.
'use strict';
const {each, failed, required} = require('./common.js');
const {Sequelize} = required('sequelize');
const {SequelizeAuto} = required('sequelize-auto');

async function described(q) {
  for (const [name, facts] of Object.entries(await q.describeTable('transactions'))) console.log(name, JSON.stringify(facts));
  for (const index of await q.showIndex('transactions')) console.log(JSON.stringify(index));
  console.log(JSON.stringify(await q.getForeignKeyReferencesForTable('transactions')));
}

each(async ({host, port, database}) => {
  const options = {host, port, dialect: 'mysql', dialectModule: required('mysql2'), logging: false};
  const db = new Sequelize(database, 'root', '', options);
  await described(db.getQueryInterface());
  await db.close();
  const auto = new SequelizeAuto(database, 'root', '', {...options, noWrite: true, tables: ['transactions']});
  console.log((await auto.run()).text.transactions);
}).catch(failed);
