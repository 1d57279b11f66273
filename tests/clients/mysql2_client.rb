require 'digest'
require 'json'
require 'mysql2'

flags = Mysql2::Client::MULTI_STATEMENTS
flags |= Mysql2::Client::COMPRESS if ENV['CLIENT_COMPRESS'] == '1'
tls = ENV['CLIENT_TLS'] == '1' ? { sslcipher: 'HIGH' } : {} # ssl_mode is not known to MariaDB's library
c = Mysql2::Client.new(host: ENV['CLIENT_HOST'], port: ENV['CLIENT_PORT'].to_i, username: ENV['CLIENT_USER'],
                       password: ENV['CLIENT_PASSWORD'], database: ENV['CLIENT_SCHEMA'], encoding: 'utf8mb4',
                       flags: flags, **tls)

def param(text)
  kind, value = text.split(':', 2)
  return value.to_i if kind == 'i'
  return ("\x00\xff'\\".b * (value.to_i / 4)) if kind == 'b'
  kind == 'n' ? nil : value
end

def cell(v)
  return v if v.nil? || v.is_a?(Numeric)
  v = v.to_s
  v = "0x#{v.unpack1('H*')}" if v.encoding == Encoding::BINARY || !v.valid_encoding?
  v.length > 200 ? "#{v.length} #{Digest::SHA1.hexdigest(v)}" : v
end

def add(out, c, r)
  if r
    names = r.fields
    rows = []
    r.each(as: :array) { |row| rows << row.map { |v| cell(v) } }
    out[:sets] << { columns: names, rows: rows }
  else
    out[:affected] << c.affected_rows
  end
end

File.foreach(ENV['CLIENT_STEPS'], chomp: true, encoding: 'utf-8') do |line|
  name, mode, sql, *params = line.split("\t", -1)
  next if name.start_with?('large') # its client library cannot be told to take more than 16 MB
  out = { step: name, sets: [], affected: [] }
  begin
    if mode == 'prepared'
      s = c.prepare(sql)
      r = s.execute(*params.map { |p| param(p) }, as: :array)
      r ? add(out, c, r) : out[:affected] << s.affected_rows
      s.close
    else
      add(out, c, c.query(sql)) # not streamed: that loses rows at the end, directly as well
      add(out, c, c.store_result) while c.next_result
    end
  rescue Mysql2::Error => e
    out = { step: name, error: e.error_number }
  end
  puts JSON.generate(out)
end
c.close
