// TypeORM: the table as its query runner loads it, which is what migration:generate compares the entities with.
'use strict';
const {each, failed, required} = require('./common.js');
const {DataSource} = required('typeorm');

each(async ({host, port, database}) => {
  const source = new DataSource({type: 'mysql', connectorPackage: 'mysql2', driver: required('mysql2'), host, port, database,
    username: 'root'});
  await source.initialize();
  const runner = source.createQueryRunner();
  const table = await runner.getTable('transactions');
  const byName = (a, b) => a.name < b.name ? -1 : 1; // it asks for no order
  for (const c of table.columns.sort(byName)) console.log(JSON.stringify(c));
  for (const i of [...table.indices, ...table.uniques].sort(byName)) console.log(JSON.stringify(i));
  console.log(JSON.stringify(table.foreignKeys));
  for (const name of ['transaction_type', 'payment_method']) console.log(name, await runner.hasColumn('transactions', name));
  await runner.release();
  await source.destroy();
}).catch(failed);
