# SPDX-License-Identifier: GPL-2.0-only
#
# Judge the TAP output of a kselftest by the list of cases that cannot pass:
# -v run=NAME FILE-OF-THE-LIST -.  Those count as skipped, with the reason, but are to
# fail.  The status is 1 if another one failed, or if the program did not get to all.

FNR == NR {
	if ($1 == run) {
		name = $2
		$1 = $2 = ""
		reasons[name] = substr($0, 3)
	}
	next
}
/^1\.\.[0-9]+/ { planned = substr($0, 4) + 0 }
/^not ok [0-9]+ / {
	seen++
	if ($4 in reasons) {
		print "ok " $3 " " $4 " # SKIP " reasons[$4]
		next
	}
	failed = 1
}
/^ok [0-9]+ / {
	seen++
	if ($3 in reasons && !/# SKIP/) {
		print "not ok " $2 " " $3 " passes, and is listed as one that cannot"
		failed = 1
		next
	}
}
{ print; fflush() }
END { exit failed || !planned || seen < planned }
