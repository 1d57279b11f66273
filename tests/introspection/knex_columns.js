// Knex: columnInfo and hasColumn.
'use strict';
const {each, failed, required} = require('./common.js');

each(async (connection) => {
  const knex = required('knex')({client: 'mysql2', connection: {...connection, user: 'root'}});
  for (const [name, facts] of Object.entries(await knex('transactions').columnInfo())) console.log(name, JSON.stringify(facts));
  for (const name of ['transaction_type', 'payment_method'])
    console.log(name, await knex.schema.hasColumn('transactions', name));
  await knex.destroy();
}).catch(failed);
