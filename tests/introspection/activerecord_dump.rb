# Rails' ActiveRecord: what it knows of a table's columns, keys and indexes. HOST PORT SCHEMA [PORT SCHEMA …]
require "active_record"
require "stringio"

host, *targets = ARGV
targets.each_slice(2) do |port, schema|
  puts "== #{schema}"
  ActiveRecord::Base.establish_connection(adapter: "mysql2", host: host, port: port.to_i, username: "root", database: schema)
  db = ActiveRecord::Base.connection
  db.columns("transactions").each do |c|
    puts [c.name, c.sql_type, c.type, c.limit, c.precision, c.scale, c.null, c.default, c.default_function, c.collation, c.comment].inspect
  end
  db.indexes("transactions").sort_by(&:name).each { |i| puts [i.name, i.columns, i.unique, i.using, i.type].inspect }
  puts db.primary_key("transactions")
  puts db.table_comment("transactions").inspect
  puts db.foreign_keys("transactions").inspect
end
