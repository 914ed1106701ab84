#!/bin/sh
# Installs Umbel, or updates it, below your home and without root. What is fetched is held to a signature before anything is unpacked, and
# nothing that is there is touched before what was fetched has been seen to run.
#
#   curl -fsSL __UMBEL_BASE_URL__/install.sh | sh
#   curl -fsSL __UMBEL_BASE_URL__/install.sh | sh -s -- --help
#
# This page came from the coordinator that it names, and so did the keys in it. Who does not want to take them on its word compares the
# fingerprint with one got elsewhere (--key-id), or gives keys got elsewhere (--release-key). Once installed, Umbel takes updates from the
# holders of these keys only, whatever the coordinator says.
set -eu
umask 022

BASE_URL='__UMBEL_BASE_URL__'
RELEASE_KEYS='__UMBEL_RELEASE_KEYS__'

ENTRY=node_modules/@umbel/cli/bin/umbel.js
NODE_LEAST=20.19
RECORD_BYTES_MAX=65536

usage() {
  cat <<USAGE
Installs Umbel from $BASE_URL, or updates what is installed.

  --version <version>    this release instead of the newest
  --channel <name>       stable (default) or beta
  --prefix <directory>   where to (default: ~/.local/share/umbel)
  --no-modify-path       leave the files of your shell alone
  --release-key <file>   public keys of whoever makes releases, instead of those of this coordinator
  --key-id <fingerprint> go on only if the release is signed by this key
  --dry-run              verify the newest release, say what would be done, and do nothing
  --uninstall            take the program away; keys, models and settings in ~/.umbel stay
USAGE
}

main() {
  [ -n "${HOME:-}" ] || refuse 2 "HOME is not set." "Set it to your home folder."
  prefix=$HOME/.local/share/umbel
  wanted=''
  channel=stable
  modify_path=yes
  key_file=''
  key_id=''
  task=install
  while [ $# -gt 0 ]; do
    case $1 in
    --version | --channel | --prefix | --release-key | --key-id)
      [ $# -ge 2 ] || refuse 2 "$1 needs a value." "See --help."
      case $1 in
      --version) wanted=$2 ;;
      --channel) channel=$2 ;;
      --prefix) prefix=$2 ;;
      --release-key) key_file=$2 ;;
      --key-id) key_id=$2 ;;
      esac
      shift 2
      ;;
    --no-modify-path) modify_path=no && shift ;;
    --dry-run) task=dry_run && shift ;;
    --uninstall) task=uninstall && shift ;;
    -h | --help) usage && return 0 ;;
    *) refuse 2 "There is no option $1." "See --help." ;;
    esac
  done
  case $channel in stable | beta) ;; *) refuse 2 "There is no channel $channel." "Use stable or beta." ;; esac
  case $wanted in *[!0-9A-Za-z.+-]*) refuse 2 "$wanted is no version." "One looks like 1.2.3." ;; esac
  case $prefix in
  /*) ;;
  *) prefix=$PWD/$prefix ;;
  esac
  case $prefix in *["'\"\\\$\`:"]*) refuse 2 "The folder $prefix has a character that shells read as something else." "Choose another with --prefix." ;; esac
  while [ "$prefix" != "${prefix%/}" ]; do prefix=${prefix%/}; done
  [ -n "$prefix" ] || refuse 2 "Umbel needs a folder of its own." "Choose another with --prefix."

  if [ "$task" = uninstall ]; then
    uninstall
    return 0
  fi
  if [ -f "$prefix/current.json" ]; then update_existing; else install_new; fi
}

# What is installed already knows whose releases it takes, and how to replace itself without losing an answer.
update_existing() {
  before=$("$prefix/bin/umbel" --version </dev/null 2>/dev/null) ||
    refuse 8 "The installation in $prefix does not run." "Take it away and install anew: run this script with --uninstall, then without."
  say "Umbel $before is installed in $prefix; looking for another …"
  set -- --coordinator "$BASE_URL" --channel "$channel"
  if [ -n "$wanted" ]; then set -- "$@" --release "$wanted" --allow-downgrade; fi
  if [ "$task" = dry_run ]; then set -- "$@" --check; fi
  "$prefix/bin/umbel" provider update "$@" </dev/null
  if [ "$task" = install ]; then put_on_path; fi
}

install_new() {
  need tar mktemp sed tr od
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/umbel-install.XXXXXX")
  platform=$(this_platform)
  read_keys
  if [ -n "$wanted" ]; then asked="$BASE_URL/v1/releases/$wanted?platform=$platform"; else asked="$BASE_URL/v1/releases/latest?platform=$platform&channel=$channel"; fi
  fetch "$asked" "$scratch/record.json" quiet ||
    refuse 5 "$BASE_URL does not answer, or offers no release${wanted:+ $wanted} for $platform." "Ask its operator, or see $BASE_URL/docs."
  [ "$(wc -c <"$scratch/record.json")" -le $RECORD_BYTES_MAX ] || refuse 7 "What $BASE_URL offers is no release." "Tell its operator."

  # Of the coordinator's words only the address counts, and whatever lies there is held to what was signed.
  verify_record
  version=$(claim version)
  check_claims
  say "Umbel $version for $platform, signed by $signer."
  node=$(node_for_it)
  if [ "$task" = dry_run ]; then
    say "Would fetch $url ($bundle_bytes bytes) and install it into $prefix. Nothing was changed."
    return 0
  fi

  if [ ! -d "$prefix" ]; then mkdir -p "$prefix" && made_prefix=yes; fi
  staging=$(mktemp -d "$prefix/.install-XXXXXX") || refuse 1 "$prefix cannot be written to." "Choose another folder with --prefix."
  say "Fetching $bundle_bytes bytes …"
  fetch "$url" "$staging/release.tar.gz" loud || refuse 5 "The release could not be fetched from $url." "Try again later; nothing was changed."
  if [ "$(wc -c <"$staging/release.tar.gz" | tr -d ' ')" != "$bundle_bytes" ] || [ "$(sha256_of "$staging/release.tar.gz")" != "$bundle_sha256" ]; then
    refuse 7 "What was fetched is not what was signed; nothing was changed." "Tell the operator of $BASE_URL."
  fi
  mkdir "$staging/unpacked"
  tar -xzof "$staging/release.tar.gz" -C "$staging/unpacked" || refuse 7 "The release cannot be unpacked; nothing was changed." "Is the disk full?"
  rm "$staging/release.tar.gz"
  if [ -z "$node" ]; then node=$staging/unpacked/runtime/node; fi
  # The release itself looks at each of its files, and puts itself in place in one step.
  NODE_DISABLE_COMPILE_CACHE=1 "$node" "$staging/unpacked/$ENTRY" provider update --into "$prefix" --unpacked "$staging/unpacked" --record "$scratch/record.json" \
    --release-key "$scratch/keys.json" --json </dev/null >/dev/null || exit $?
  say "Installed into $prefix."
  put_on_path
  say ""
  say "Next:"
  say "  $command_name provider login --coordinator $BASE_URL            link this machine to your account"
  say "  $command_name provider service install --coordinator $BASE_URL  serve in the background"
}

# --- who made it -------------------------------------------------------------------------------------------------------------------------

read_keys() {
  if [ -n "$key_file" ]; then
    cp "$key_file" "$scratch/keys.json" || refuse 7 "$key_file cannot be read." "It is what umbel admin releases key has written beside the private key."
  else
    printf '%s\n' "$RELEASE_KEYS" >"$scratch/keys.json"
  fi
  # One line a key: x, y.
  tr -d ' \t\r\n' <"$scratch/keys.json" | tr '{' '\n' | grep '"crv":"P-256"' |
    sed -n -e 's/.*"x":"\([A-Za-z0-9_-]\{43\}\)".*"y":"\([A-Za-z0-9_-]\{43\}\)".*/\1 \2/p' -e 't' -e 's/.*"y":"\([A-Za-z0-9_-]\{43\}\)".*"x":"\([A-Za-z0-9_-]\{43\}\)".*/\2 \1/p' \
      >"$scratch/keys" || true
  [ -s "$scratch/keys" ] || refuse 7 "${key_file:-The installer of $BASE_URL} holds no public keys of whoever makes releases." "Tell its operator."
}

# A JSON Web Signature (RFC 7515) with ES256, by one of the keys. Sets $claims, $signer and $url.
verify_record() {
  jws=$(sed -n 's/.*"signature":"\([A-Za-z0-9_.-]*\)".*/\1/p' "$scratch/record.json" | head -n 1)
  url=$(sed -n 's/.*"url":"\([^"\\]*\)".*/\1/p' "$scratch/record.json" | head -n 1)
  case $jws in
  *.*.*.* | .* | *. | *..*) jws='' ;;
  *.*.*) ;;
  *) jws='' ;;
  esac
  [ -n "$jws" ] || refuse 7 "The release is not signed." "Tell the operator of $BASE_URL."
  printf '%s' "${jws%.*}" >"$scratch/signed"
  printf '%s' "${jws##*.}" >"$scratch/signature"
  signer=''
  while read -r x y; do
    if signed_by "$x" "$y"; then
      signer=$(fingerprint "$x" "$y")
      break
    fi
  done <"$scratch/keys"
  [ -n "$signer" ] || refuse 7 "The release is not signed by a key that this installer knows." "Tell the operator of $BASE_URL."
  if [ -n "$key_id" ] && [ "$key_id" != "$signer" ]; then
    refuse 7 "The release is signed by $signer, and not by $key_id." "Get the fingerprint from whoever makes the releases, or do not install."
  fi
  header=${jws%%.*}
  payload=${jws#*.}
  header=$(decode "$header")
  claims=$(decode "${payload%%.*}")
  case $header in *'"alg":"ES256"'*'"typ":"provider-release+jwt"'*'"ver":1}'*) ;; *) refuse 7 "What is signed is no release." "Tell the operator of $BASE_URL." ;; esac
}

check_claims() {
  bundle_sha256=$(claim bundle_sha256)
  bundle_bytes=$(printf '%s' "$claims" | sed -n 's/.*"bundle_bytes":\([0-9]*\)[,}].*/\1/p')
  case $claims in *'"brings_node":true'*) brings_node=yes ;; *) brings_node=no ;; esac
  is_it=yes
  if [ "$(claim platform)" != "$platform" ]; then is_it=no; fi
  if [ -n "$wanted" ] && [ "$version" != "$wanted" ]; then is_it=no; fi
  # beta is offered stable releases, too.
  case $(claim channel) in stable) ;; "$channel") ;; *) [ -n "$wanted" ] || is_it=no ;; esac
  case $version in '' | *[!0-9A-Za-z.+-]*) is_it=no ;; esac
  if [ "${#bundle_sha256}" -ne 64 ] || [ -z "$bundle_bytes" ]; then is_it=no; fi
  [ $is_it = yes ] || refuse 7 "What is signed is another release than was asked for." "Tell the operator of $BASE_URL."
  case $url in
  https://* | http://127.0.0.1[:/]* | http://localhost[:/]* | 'http://[::1]'[:/]*) ;;
  *) refuse 7 "The address of the release is not safe: $url" "Tell the operator of $BASE_URL." ;;
  esac
}

claim() { printf '%s' "$claims" | sed -n "s/.*\"$1\":\"\([^\"\\]*\)\".*/\1/p"; }

# openssl is nearly everywhere where Node is not; where it is missing, Node does.
signed_by() {
  if has openssl; then
    # SubjectPublicKeyInfo of an uncompressed P-256 point, up to the point (RFC 5480).
    printf '\060\131\060\023\006\007\052\206\110\316\075\002\001\006\010\052\206\110\316\075\003\001\007\003\102\000\004' >"$scratch/key.der"
    { decode "$1" && decode "$2"; } >>"$scratch/key.der"
    { echo '-----BEGIN PUBLIC KEY-----' && openssl base64 -in "$scratch/key.der" && echo '-----END PUBLIC KEY-----'; } >"$scratch/key.pem"
    hex=$(decode "$(cat "$scratch/signature")" | od -A n -v -t x1 | tr -d ' \n')
    [ "${#hex}" -eq 128 ] || return 1
    # What JSON Web Signatures have as two numbers side by side, openssl wants as a sequence of two.
    r=$(printf '%s' "$hex" | cut -c 1-64)
    s=$(printf '%s' "$hex" | cut -c 65-128)
    printf 'asn1=SEQUENCE:signature\n[signature]\nr=INTEGER:0x%s\ns=INTEGER:0x%s\n' "$r" "$s" >"$scratch/signature.conf"
    openssl asn1parse -genconf "$scratch/signature.conf" -noout -out "$scratch/signature.der" >/dev/null 2>&1 || return 1
    openssl dgst -sha256 -verify "$scratch/key.pem" -signature "$scratch/signature.der" "$scratch/signed" >/dev/null 2>&1
  elif has_node; then
    node -e '
      const { createPublicKey, verify } = require("node:crypto");
      const { readFileSync } = require("node:fs");
      const [x, y, signed, signature] = process.argv.slice(1);
      const key = createPublicKey({ key: { kty: "EC", crv: "P-256", x, y }, format: "jwk" });
      const isGood = verify("sha256", readFileSync(signed), { key, dsaEncoding: "ieee-p1363" }, Buffer.from(readFileSync(signature, "utf8"), "base64url"));
      process.exit(isGood ? 0 : 1);
    ' "$1" "$2" "$scratch/signed" "$scratch/signature" 2>/dev/null
  else
    refuse 1 "A signature can be checked neither with openssl nor with Node $NODE_LEAST: neither is here." "Install openssl."
  fi
}

# The key's thumbprint (RFC 7638), as umbel admin releases key prints it.
fingerprint() {
  printf '{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}' "$1" "$2" >"$scratch/thumb"
  if has openssl; then
    openssl dgst -sha256 -binary "$scratch/thumb" | openssl base64 -A | tr '/+' '_-' | tr -d '='
  else
    node -p 'require("node:crypto").createHash("sha256").update(require("node:fs").readFileSync(process.argv[1])).digest("base64url")' "$scratch/thumb"
  fi
}

# base64url without padding (RFC 4648).
decode() {
  case $((${#1} % 4)) in 2) padded="$1==" ;; 3) padded="$1=" ;; *) padded=$1 ;; esac
  if has openssl; then
    printf '%s' "$padded" | tr '_-' '/+' | openssl base64 -d -A
  else
    node -e 'process.stdout.write(Buffer.from(process.argv[1], "base64url"))' "$1"
  fi
}

sha256_of() {
  if has sha256sum; then
    sha256sum "$1" | cut -c 1-64
  elif has shasum; then
    shasum -a 256 "$1" | cut -c 1-64
  else
    openssl dgst -sha256 -r "$1" | cut -c 1-64
  fi
}

# --- this machine ------------------------------------------------------------------------------------------------------------------------

this_platform() {
  case $(uname -s) in
  Linux) os=linux ;;
  Darwin) os=darwin ;;
  *) refuse 6 "Umbel does not run on $(uname -s)." "On Windows: irm $BASE_URL/install.ps1 | iex" ;;
  esac
  case $(uname -m) in
  x86_64 | amd64) cpu=x64 ;;
  arm64 | aarch64) cpu=arm64 ;;
  *) refuse 6 "Umbel does not run on the processor $(uname -m)." "It runs on x86-64 and 64-bit ARM." ;;
  esac
  # A shell under Rosetta says x86_64 on a Mac that is none.
  if [ $os = darwin ] && [ "$(sysctl -n hw.optional.arm64 2>/dev/null || true)" = 1 ]; then cpu=arm64; fi
  if [ $os = linux ] && has ldd && ldd --version 2>&1 | grep -qi musl; then
    refuse 6 "The engine needs glibc, and this system has musl." "Use a distribution with glibc, or a container of one."
  fi
  echo "$os-$cpu"
}

# Prints which Node runs it; nothing where the release brings its own.
node_for_it() {
  if [ "$brings_node" = yes ]; then return 0; fi
  has_node || refuse 6 "This release needs Node $NODE_LEAST or newer, and $(node --version 2>/dev/null || echo none) is here." "Install it (https://nodejs.org, or your system's packages), then run this again."
  command -v node
}

has_node() {
  has node && node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null
}

has() { command -v "$1" >/dev/null 2>&1; }

need() {
  for tool in "$@"; do has "$tool" || refuse 1 "$tool is not here, and is needed." "Install it with your system's packages."; done
  if ! has sha256sum && ! has shasum && ! has openssl; then refuse 1 "None of sha256sum, shasum and openssl is here." "Install one of them."; fi
}

# No redirect is followed: nothing that Umbel hands out needs one.
fetch() {
  if has curl; then
    if [ "$3" = loud ] && [ -t 2 ]; then set -- "$1" "$2" --progress-bar; else set -- "$1" "$2" --silent; fi
    curl --fail --show-error "$3" --connect-timeout 20 --speed-limit 1 --speed-time 60 --output "$2" "$1"
  elif has wget; then
    wget -q -T 60 -O "$2" "$1"
  else
    refuse 1 "Neither curl nor wget is here." "Install one of them with your system's packages."
  fi
}

# --- where commands are looked for -------------------------------------------------------------------------------------------------------

MARK='# added by the installer of Umbel'

put_on_path() {
  bin=$prefix/bin
  command_name=umbel
  case :$PATH: in *:"$bin":*) return 0 ;; esac
  command_name=$bin/umbel
  rc_of_shell
  line="export PATH=\"$bin:\$PATH\" $MARK"
  if [ -z "$rc" ]; then
    say "To have the command umbel everywhere: fish_add_path $bin"
  elif [ -f "$rc" ] && grep -F "$bin:" "$rc" | grep -qF "$MARK"; then
    say "$rc puts $bin on your PATH already; a new terminal has it."
  elif [ "$modify_path" = no ]; then
    say "To have the command umbel everywhere, put $bin on your PATH."
  else
    if [ -s "$rc" ] && [ -n "$(tail -c 1 "$rc")" ]; then echo >>"$rc"; fi
    if printf '%s\n' "$line" >>"$rc"; then say "Added to $rc, so that new terminals find the command umbel:
  $line"; else say "$rc cannot be written to: put $bin on your PATH yourself."; fi
  fi
}

# Sets $rc to the file that new terminals of this user's shell read; fish has a command of its own, others read what POSIX has.
rc_of_shell() {
  case ${SHELL:-} in
  */zsh) rc=${ZDOTDIR:-$HOME}/.zshrc ;;
  */bash) if [ "$(uname -s)" = Darwin ]; then rc=$HOME/.bash_profile; else rc=$HOME/.bashrc; fi ;;
  */fish) rc='' ;;
  *) rc=$HOME/.profile ;;
  esac
}

# --- taking it away ----------------------------------------------------------------------------------------------------------------------

uninstall() {
  [ -f "$prefix/current.json" ] || refuse 1 "There is no installation in $prefix." "Name it with --prefix."
  others=$(find "$HOME/.config/systemd/user" "$HOME/Library/LaunchAgents" -type f -name '*umbel-provider-*' -exec grep -lF "$prefix/" '{}' + 2>/dev/null) || true
  [ -z "$others" ] || refuse 1 "A service of another Umbel home runs this installation: $others." "Take it away first: $prefix/bin/umbel provider service uninstall --home <that home>."
  for service in "$HOME/.config/systemd/user/umbel-provider.service" "$HOME/Library/LaunchAgents/umbel.umbel-provider.plist"; do
    if [ -f "$service" ] && grep -qF "$prefix/" "$service"; then
      say "Taking the service away …"
      "$prefix/bin/umbel" provider service uninstall </dev/null || refuse 1 "The service could not be taken away; nothing else was." "See umbel provider service status."
    fi
  done
  running=$("$prefix/bin/umbel" provider status --json </dev/null 2>/dev/null | sed -n 's/.*"pid":\([0-9]*\).*/\1/p') || running=''
  if [ -n "$running" ] && ps -o args= -p "$running" 2>/dev/null | grep -qF "$prefix/"; then
    say "Stopping the provider …"
    "$prefix/bin/umbel" provider stop </dev/null || refuse 1 "The provider did not stop; nothing was taken away." "See umbel provider status."
  fi
  # The pointer goes first: what is left of half a removal is no installation.
  rm -f "$prefix/current.json" "$prefix/release-keys.json" "$prefix/umbel.mjs" "$prefix/bin/umbel" "$prefix/bin/umbel.cmd" "$prefix/.update.lock" "$prefix/.trial.json"
  rm -rf "$prefix/versions" "$prefix/.staging" "$prefix/.removed"
  rmdir "$prefix/bin" "$prefix" 2>/dev/null || say "$prefix holds files that are not of Umbel; they stay."
  for rc in "$HOME/.profile" "$HOME/.bashrc" "$HOME/.bash_profile" "${ZDOTDIR:-$HOME}/.zshrc"; do
    if [ -f "$rc" ] && grep -F "$prefix/bin:" "$rc" | grep -qF "$MARK"; then
      kept=$(mktemp "${TMPDIR:-/tmp}/umbel-rc.XXXXXX")
      # Written into, not replaced: the file keeps its mode, and may be a link.
      awk -v bin="$prefix/bin:" -v mark="$MARK" '!(index($0, bin) && index($0, mark))' "$rc" >"$kept" && cat "$kept" >"$rc" && say "Took the line for $prefix/bin out of $rc."
      rm -f "$kept"
    fi
  done
  say "Umbel is gone from $prefix. Keys, models and settings are in ${UMBEL_HOME:-$HOME/.umbel} still; remove that folder if you want them gone, too."
}

# --- words -------------------------------------------------------------------------------------------------------------------------------

say() { printf '%s\n' "$*" >&2; }

refuse() {
  say "umbel: $2"
  say "  $3"
  exit "$1"
}

tidy_up() {
  code=$?
  if [ -n "$scratch" ]; then rm -rf "$scratch"; fi
  if [ -n "$staging" ]; then rm -rf "$staging"; fi
  if [ "$made_prefix" = yes ] && [ ! -f "$prefix/current.json" ]; then rmdir "$prefix" 2>/dev/null || true; fi
  exit $code
}

# Nothing runs before all of this page has come.
scratch=''
staging=''
made_prefix=no
trap tidy_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
main "$@"
