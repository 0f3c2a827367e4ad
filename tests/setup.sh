# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034,SC1091
#
# setup.sh - what ./demo and ./check have in common: packages and builds.
# Sourced with $me (name for messages) and $src (top of the sources) set.

PATH=$PATH:/usr/sbin:/sbin	# lighttpd and apache2 live there
export LC_ALL=C.UTF-8

build_packages=(autoconf automake gcc libc6-dev make pkgconf
	libfcgi-dev libmxml-dev libsqlite3-dev libssl-dev libjansson-dev libcurl4-openssl-dev libarchive-dev
	ca-certificates tzdata)

die()
{
	echo "$me: $*" >&2
	exit 1
}

# Is this a system whose packages we know by name?
known_system()
{
	local ID='' VERSION_ID='' PRETTY_NAME=''

	[ ! -r /etc/os-release ] || . /etc/os-release
	command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || return 1
	case $ID in
	debian)	[ "${VERSION_ID:-99}" -ge 12 ] ;;	# testing has no number
	ubuntu)	[ "${VERSION_ID%%.*}" -ge 24 ] ;;
	*)	return 1 ;;
	esac
}

missing_packages()
{
	local p

	for p; do
		case $(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null) in
		installed)	;;
		*)		echo "$p" ;;
		esac
	done
}

# ensure_packages PACKAGE...: install what is missing, name it first.
ensure_packages()
{
	local missing as_root='' s log policy='' status=0

	known_system || die "this script knows the packages of Debian 12 and later and of Ubuntu 24.04" \
	    "and later only; on another system see \"By hand\" in README.md"
	# shellcheck disable=SC2046	# names, one word each
	missing=$(echo $(missing_packages "$@"))
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null ||
			die "these packages are missing, and there is no sudo to install them:" \
			    "as root, run: apt-get install $missing"
		as_root='sudo env'
	fi
	echo "$me: installing $missing"

	# A web server's package starts its service as soon as it is unpacked
	# (port 80!) and at every boot.  We want the program only: policy-rc.d
	# forbids the start while we install, and what we brought is taken off
	# the boot list afterwards.  (RUNLEVEL=1, the older trick, is not heeded
	# under systemd.)
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		policy=/usr/sbin/policy-rc.d
		printf '#!/bin/sh\nexit 101\n' | ${as_root:-env} tee $policy >/dev/null &&
			${as_root:-env} chmod 755 $policy
	fi
	log=$(mktemp)
	# shellcheck disable=SC2086
	{ ${as_root:-env} apt-get -qq update &&
	  ${as_root:-env} DEBIAN_FRONTEND=noninteractive \
		apt-get -qq -y --no-install-recommends install $missing
	} </dev/null >"$log" 2>&1 || status=1
	[ -z "$policy" ] || ${as_root:-env} rm -f $policy
	for s in lighttpd apache2 nginx; do
		case " $missing" in
		*" $s"*)	${as_root:-env} update-rc.d $s disable >/dev/null 2>&1 || : ;;
		esac
	done
	[ $status -eq 0 ] || tail -n 20 "$log" >&2
	rm -f "$log"
	[ $status -eq 0 ] || die "the packages could not be installed; by hand: apt-get install $missing"
}

# build FOLDER TARGET [configure argument...]: out of tree, incremental; silent
# when nothing goes wrong, everything in FOLDER/build.log.
build()
{
	local dir=$1 target=$2

	shift 2
	mkdir -p "$dir" || return 1
	{
		if [ ! -x "$src/configure" ]; then
			(cd "$src" && autoreconf -i) || return 1
		fi
		# The same arguments as last time: make sees to the rest itself.
		if [ ! -e "$dir/Makefile" ] || [ "$(cat "$dir/configured" 2>/dev/null)" != "$*" ]; then
			(cd "$dir" && "$src/configure" -q "$@") || return 1
			echo "$*" >"$dir/configured"
		fi
		make -C "$dir" -j"$(nproc)" -s "$target"
	} </dev/null >"$dir/build.log" 2>&1
}
