# DBD::mysql and DBD::MariaDB: the first argument says which.
use strict;
use warnings;
use DBI;
use Digest::SHA qw(sha1_hex);
use JSON::PP;

my $driver = shift;
my $p = $driver eq 'mysql' ? 'mysql' : 'mariadb';
my $json = JSON::PP->new->canonical->latin1;
my $dsn = "DBI:$driver:host=$ENV{CLIENT_HOST};port=$ENV{CLIENT_PORT};database=$ENV{CLIENT_SCHEMA}";
$dsn .= ";${p}_multi_statements=1";
$dsn .= ";${p}_compression=1" if $ENV{CLIENT_COMPRESS} eq '1';
# Optional: else both want a certificate that they can verify. That there is TLS is seen by the runner.
$dsn .= ";${p}_ssl=1;${p}_ssl_optional=1" if $ENV{CLIENT_TLS} eq '1';
my $c = DBI->connect($dsn, $ENV{CLIENT_USER}, $ENV{CLIENT_PASSWORD}, {PrintError => 0, RaiseError => 0, AutoCommit => 1})
    or die DBI->errstr;
$c->do('SET NAMES utf8mb4');

sub param {
    my ($kind, $value) = split /:/, shift, 2;
    return "\x00\xff'\\" x ($value / 4) if $kind eq 'b';
    return $kind eq 'n' ? undef : $value;
}

sub cell {
    my $v = shift;
    return undef unless defined $v;
    $v = '0x' . unpack('H*', $v) if $v =~ /[^\x20-\x7e]/;
    return length($v) > 200 ? length($v) . ' ' . sha1_hex($v) : $v;
}

open my $f, '<', $ENV{CLIENT_STEPS} or die;
while (my $line = <$f>) {
    chomp $line;
    my ($name, $mode, $sql, @params) = split /\t/, $line;
    my %how = ("${p}_server_prepare" => $mode eq 'prepared' ? 1 : 0);
    $how{"${p}_use_result"} = 1 if $mode eq 'stream';
    my $s = $c->prepare($sql, \%how);
    my %out = (step => $name, sets => [], affected => []);
    my $i = 0;
    $s->bind_param(++$i, param($_), /^b/ ? DBI::SQL_BLOB : /^i/ ? DBI::SQL_INTEGER : DBI::SQL_VARCHAR) for $s ? @params : ();
    my $ok = $s && $s->execute;
    while ($ok) {
        if ($s->{NUM_OF_FIELDS}) {
            my $rows = $s->fetchall_arrayref;
            push @{$out{sets}}, {columns => $s->{NAME}, rows => [map { [map { cell($_) } @$_] } @$rows]};
        } else {
            push @{$out{affected}}, $s->rows;
        }
        last if $mode eq 'prepared' || !$s->more_results; # these drivers have one result of a prepared statement
    }
    %out = (step => $name, error => $c->err) if $c->err && (!$ok || $c->err > 1000);
    print $json->encode(\%out), "\n";
    $s->finish if $s;
}
$c->disconnect;
