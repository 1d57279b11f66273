# Packages of Debian's suite `sid`, fetched without touching the system's own apt. Sourced by ./mysql, ./mariadb and
# ../corpora/fetch; needs HOME_DIR (where apt's lists are kept while it works) and say(), for a server die() and
# lock(), too.

# apt with lists, cache and state of its own; it shares the system's transport settings and trusted keys.
private_apt() {
  local a=$HOME_DIR/apt tool=$1
  shift
  timeout 600 "$tool" -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$a/sources" \
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null -o Dir::State="$a/state" \
    -o Dir::State::status="$a/state/status" -o Dir::Cache="$a/cache" -o APT::Architectures=amd64 \
    -o APT::Install-Recommends=false -o APT::Sandbox::User=root -o Acquire::Languages=none \
    -o Acquire::Retries=3 -o Acquire::http::Timeout=30 "$@"
}

# Reads the lists of sid from the mirror that this machine's apt uses.
sid_open() {
  local a=$HOME_DIR/apt mirror
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | grep -v security | head -n 1)
  [ -n "$mirror" ] || { say "apt names no mirror: run apt-get update first"; return 1; }
  rm -rf "$a"
  mkdir -p "$a/sources" "$a/state/lists/partial" "$a/cache/archives/partial"
  : >"$a/state/status"
  printf 'Types: deb\nURIs: %s\nSuites: sid\nComponents: main\nArchitectures: amd64\nSigned-By: %s\n' \
    "$mirror" /usr/share/keyrings/debian-archive-keyring.gpg >"$a/sources/sid.sources"
  private_apt apt-get update --error-on=any
}

# sid_fetch PACKAGE…: into debs/, with their sums.
sid_fetch() {
  rm -rf "$HOME_DIR/debs.new"
  mkdir -p "$HOME_DIR/debs.new"
  (cd "$HOME_DIR/debs.new" && private_apt apt-get download "$@" && sha256sum ./*.deb >SHA256SUMS) || return 1
  rm -rf "$HOME_DIR/apt" "$HOME_DIR/debs"
  mv "$HOME_DIR/debs.new" "$HOME_DIR/debs"
}

# ---- a server of sid's, unpacked into HOME_DIR/root and run through the C library and loader that come with it ----

SID_LIB=root/usr/lib/x86_64-linux-gnu

# All that the packages depend on, less perl, which only helper scripts want.
sid_closure() {
  private_apt apt-get -s install "$@" | sed -n 's/^Inst \([^ ]*\).*/\1/p' |
    grep -vE '^(perl.*|libperl.*|libgdbm.*|libdb5\..*)$'
}

sid_unpack() {
  local root=$HOME_DIR/root deb d
  rm -rf "$root"
  for d in bin sbin lib lib64; do mkdir -p "$root/usr/$d"; ln -s "usr/$d" "$root/$d"; done # merged /usr
  for deb in "$HOME_DIR"/debs/*.deb; do dpkg-deb -x "$deb" "$root" || die "cannot unpack $deb"; done
  rm -rf "$root/usr/share/doc" "$root/usr/share/man"
}

# sid_wrap LINES PROGRAM…: HOME_DIR/bin/ gets a script for each, which does LINES first.
sid_wrap() {
  local lines=$1 lib=$HOME_DIR/$SID_LIB f name
  shift
  rm -rf "$HOME_DIR/bin"
  mkdir -p "$HOME_DIR/bin"
  for f in "$@"; do
    [ -f "$f" ] && [ "$(head -c 4 "$f" | tail -c 3)" = ELF ] || continue
    name=${f##*/}
    cat >"$HOME_DIR/bin/$name" <<W
#!/bin/sh
$lines
exec $lib/ld-linux-x86-64.so.2 --inhibit-cache --library-path $lib $f "\$@"
W
    chmod 755 "$HOME_DIR/bin/$name"
  done
}

# sid_server PACKAGES WITHOUT PREPARE: fetches and unpacks once. PACKAGES with what they depend on, WITHOUT (may be
# empty) without that; PREPARE is a function that makes the scripts and proves that the server runs.
sid_server() {
  local wanted
  [ -e "$HOME_DIR/.ready" ] && return 0
  lock "$HOME_DIR/.lock" 900
  if [ ! -e "$HOME_DIR/.ready" ]; then
    [ "$(dpkg --print-architecture)" = amd64 ] || die "only amd64 is supported"
    if ! (cd "$HOME_DIR/debs" 2>/dev/null && sha256sum --quiet -c SHA256SUMS); then
      say "fetching $1"
      { sid_open && wanted=$(sid_closure $1) && sid_fetch $wanted $2; } >"$HOME_DIR/fetch.log" 2>&1 ||
        { tail -n 10 "$HOME_DIR/fetch.log" >&2; return 1; }
    fi
    sid_unpack
    "$3" || return 1
    touch "$HOME_DIR/.ready"
  fi
  unlock
}
