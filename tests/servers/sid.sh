# Packages of Debian's suite `sid`, fetched without touching the system's own apt. Sourced by ./mysql and by
# ../corpora/fetch; needs HOME_DIR (where apt's lists are kept while it works) and say().

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
