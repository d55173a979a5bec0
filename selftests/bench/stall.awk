# SPDX-License-Identifier: GPL-2.0-only
#
# The "stall" lines (see stall/stall.c) as a table, in thousands of instructions.

/^# [a-z]/ { print; next }

$1 != "stall" { next }

!head++ {
	print "Thousands of instructions, with " $3 " mappings\n"
	printf "%-25s %9s %9s %9s %9s %9s\n", "", "in all", "no resched",
	       "map waits", "alloc", "killed"
}

function thousands(n) {
	return n == "-" ? n : sprintf("%.0f", n / 1000)
}

{
	printf "%-25s %9s %10s %9s %9s %9s\n", $9, thousands($4), thousands($5),
	       thousands($6), thousands($7), thousands($8)
}
