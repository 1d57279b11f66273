# Sequel (Ruby): the parsed schema, and the dump that its migrations begin with. HOST PORT SCHEMA [PORT SCHEMA …]
require "sequel"

host, *targets = ARGV
targets.each_slice(2) do |port, schema|
  puts "== #{schema}"
  db = Sequel.connect(adapter: "mysql2", host: host, port: port.to_i, user: "root", database: schema)
  db.extension :schema_dumper
  db.schema(:transactions).each { |name, facts| puts "#{name} #{facts.sort_by { |k, _| k.to_s }}" }
  puts db.indexes(:transactions).sort.inspect
  puts db.dump_table_schema(:transactions)
  puts db[:transactions].columns.inspect
  db.disconnect
end
