# Packages that building, testing and the demo need, all from Debian 12. Sourced by ./check and ./demo.

BUILD_PACKAGES="build-essential cmake ninja-build pkg-config libuv1-dev libssl-dev libpcre2-dev libyaml-dev
  zlib1g-dev libzstd-dev libjansson-dev libcurl4-openssl-dev default-libmysqlclient-dev libcmocka-dev
  ca-certificates"
SERVER_PACKAGES="mariadb-server-core mariadb-client debian-archive-keyring libaio1 libnuma1 procps"
CHECK_PACKAGES="clang clang-format clang-tidy libclang-rt-14-dev llvm-14 spin systemd"

# Clients that tests/clients compares; the first few in every ./check, the rest with --long.
CLIENT_PACKAGES="python3 python3-pymysql python3-nacl openssl php-cli php-mysql libdbd-mariadb-perl"
MORE_CLIENT_PACKAGES="python3-mysqldb python3-aiomysql ruby ruby-mysql2 libdbd-mysql-perl golang-go
  golang-github-go-sql-driver-mysql-dev default-jdk-headless libmariadb-java mydumper sysbench percona-toolkit"

# Whose reading of tables tests/introspection compares; others come from the npm registry.
ORM_PACKAGES="python3 python3-django python3-sqlalchemy python3-mysqldb ruby ruby-activerecord ruby-sequel ruby-mysql2
  php-cli php-mysql php-illuminate-database php-doctrine-dbal default-jdk-headless libhibernate3-java libmariadb-java"

# ensure_packages PACKAGE…: installs what is missing, quietly; needs root only then.
ensure_packages() {
  local missing=() p
  for p in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    echo "These packages are missing; as root: apt-get install ${missing[*]}" >&2
    return 1
  fi
  echo "Installing ${missing[*]}"
  local log
  log=$(mktemp)
  if ! { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 install -y \
    --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "The packages could not be installed; the whole log is $log" >&2
    return 1
  fi
  rm -f "$log"
}

# npm comes with nodejs where that is not Debian's.
ensure_npm() { command -v npm >/dev/null || ensure_packages nodejs npm; }
