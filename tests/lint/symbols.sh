#!/usr/bin/env bash
# protocol/ and rewrite/ are pure: bytes in, bytes out. Fails when their archives reference a socket, libuv,
# OpenSSL's TLS, the client library, a clock, a thread or a file.
set -euo pipefail
build=$2 bad=0
forbidden='^(uv_.*|SSL_.*|TLS_.*|BIO_.*|mysql_.*|mariadb_.*|socket|connect|accept4?|bind|listen|send|sendto|sendmsg|recv|recvfrom|recvmsg|getaddrinfo|poll|ppoll|epoll_.*|select|time|clock|clock_gettime|gettimeofday|nanosleep|pthread_create|open|open64|fopen|fopen64|read|write|getenv|rand|random)$'
for module in protocol rewrite; do
  archive=$build/$module/libstraddle_$module.a
  [ -f "$archive" ] || { echo "$archive is not built"; exit 1; }
  found=$(nm -A --undefined-only "$archive" | sed 's/.*: *U //; s/@.*//' | sort -u | grep -E "$forbidden" || true)
  if [ -n "$found" ]; then
    echo "$module/ must do no I/O, but references: $(echo "$found" | tr '\n' ' ')"
    bad=1
  fi
done
# The check itself must be able to fail: migrate/ does reference the client library.
seen=$(nm -A --undefined-only "$build/migrate/libstraddle_migrate.a" | sed 's/.*: *U //' | grep -cE '^mysql_' || true)
[ "$seen" -gt 0 ] || { echo "nm shows no mysql_ symbol in migrate/: this check is blind"; bad=1; }
exit $bad
