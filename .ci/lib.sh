# The steps of .ci/run, which sources this file.

step() { printf '\n== %s (at %d s)\n' "$1" "$SECONDS"; }

die() {
	echo "ci: $*" >&2
	exit 1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -- "$@"; fi
}

# What the interop run and the race detector need: a program, the Debian package that has it.
needs="git:git gcc:gcc python3:python3 dovecot:dovecot-core mpop:mpop mbsync:isync curl:curl tshark:tshark unshare:util-linux fetchmail:fetchmail getmail:getmail6 certutil:libnss3-tools"

# Where the servers are that are not installed. They may stay from run to run.
export MAILTRACE_PEERS=${MAILTRACE_PEERS:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/mailtrace/peers}

install_missing() {
	local packages=() need
	for need in $needs; do
		command -v "${need%:*}" >/dev/null || packages+=("${need#*:}")
	done
	[ -e /usr/lib/dovecot/imap ] || packages+=(dovecot-imapd)
	[ -e /usr/lib/dovecot/pop3 ] || packages+=(dovecot-pop3d)
	[ -e /usr/include/stdlib.h ] || packages+=(libc6-dev)
	# A mirror has a version of a package for as long as its list says so.
	if [ ${#packages[@]} != 0 ] || [ ! -e "$MAILTRACE_PEERS/complete" ]; then as_root apt-get update -qq; fi
	if [ ${#packages[@]} = 0 ]; then
		echo "nothing"
		return
	fi
	echo "${packages[*]}"
	no_services
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >"$work/apt.log" 2>&1 ||
		{ tail -n 40 "$work/apt.log"; die "apt-get install failed"; }
}

# The tests start their servers themselves; the packages shall not start theirs.
policy=/usr/sbin/policy-rc.d
no_services() {
	[ ! -e $policy ] || return 0
	printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
	as_root chmod 755 $policy
	policy_is_ours=yes
}

clean_up() {
	local status=$?
	if [ "${policy_is_ours:-}" = yes ]; then as_root rm -f $policy; fi
	if [ -n "${work:-}" ]; then rm -rf -- "$work"; fi
	exit $status
}

versions() {
	go version
	echo "dovecot $(dovecot --version)"
	sed 's/^/unpacked /' "$MAILTRACE_PEERS/versions"
	mpop --version | sed -n 1p
	mbsync --version
	{ fetchmail --version 2>/dev/null || true; } | sed -n 1p
	getmail --version
	curl --version | sed -n 1p
	python3 --version
	tshark --version 2>/dev/null | sed -n 1p
}

no_crlf() {
	local found
	found=$(git ls-files --eol | awk '$1 ~ /^i\/(crlf|mixed)$/ && $3 !~ /^attr\/-text/')
	[ -z "$found" ] || die "files with CRLF:"$'\n'"$found"
}

# no_output TEXT COMMAND… fails with TEXT if the command prints anything.
no_output() {
	local text=$1 found
	shift
	found=$("$@")
	[ -z "$found" ] || die "$text:"$'\n'"$found"
}

readme_tests() {
	local command
	command=$(grep -oE 'go test \./\.\.\.' README.md | head -n 1) || die "README.md does not name: go test ./..."
	command=${command/go test/go test -race}
	echo "$command"
	$command
}

# fuzz_all TIME runs each fuzz target for that long, with one worker; as many at once as there
# are processors, and no more than four, since each takes some hundred MiB.
fuzz_all() {
	local at_once
	at_once=$(nproc)
	go test -list '^Fuzz' ./... >"$work/fuzz.list"
	awk '/^Fuzz/ { names[++n] = $1 } /^ok/ { for (i = 1; i <= n; i++) print $2, names[i]; n = 0 }' "$work/fuzz.list" >"$work/fuzz.targets"
	[ -s "$work/fuzz.targets" ] || die "no fuzz target found"
	export -f fuzz_one
	export work
	xargs -P $((at_once < 4 ? at_once : 4)) -L 1 bash -c 'fuzz_one "$@"' - "$1" <"$work/fuzz.targets" || die "fuzzing failed"
}

# fuzz_one TIME PACKAGE TARGET is what xargs runs, which stops at 255.
fuzz_one() {
	local log
	log=$(mktemp "$work/fuzz.XXXXXX")
	if ! go test -run '^$' -fuzz "^$3\$" -fuzztime "$1" -fuzzminimizetime 20x -parallel 1 "$2" >"$log" 2>&1 </dev/null; then
		# On a busy machine a worker may not notice the end of its time, which go reports as
		# a failure of its own: then no input was found to fail, and nothing is written.
		if ! grep -q '^    context deadline exceeded$' "$log" || grep -q 'Failing input written' "$log"; then
			printf 'ci: %s %s failed\n%s\n' "$2" "$3" "$(tail -n 60 "$log")" >&2
			exit 255
		fi
	fi
	printf '%s %s: %s\n' "$2" "$3" "$(grep '^fuzz: elapsed' "$log" | tail -n 1)"
}

# interop ARGUMENT… prints one line a test; of a failure the end of what it said.
interop() {
	local log=$work/interop.log status=0
	go test -tags interop -count=1 -timeout 15m -v "$@" ./internal/interop/... >"$log" 2>&1 || status=$?
	if [ $# = 0 ]; then
		go test -tags interop -count=1 -v -run TestStrangers ./captures >>"$log" 2>&1 || status=$?
	fi
	grep -E '^(--- |ok|FAIL|PASS|panic)|^ +--- FAIL' "$log" || true
	if [ $status != 0 ]; then
		grep -vE '^=== |^ *--- PASS' "$log" | cut -c1-500 | tail -n 300
		die "the interop run failed"
	fi
	none_left
}

# none_left fails if a process is left that was given a file below the work directory.
none_left() {
	local line
	for line in /proc/[0-9]*/cmdline; do
		line=$({ tr '\0' ' ' <"$line"; } 2>/dev/null || true)
		if [[ $line == *"$work"* ]]; then die "a process is left: $line"; fi
	done
}
