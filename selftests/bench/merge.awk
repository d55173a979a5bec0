# SPDX-License-Identifier: GPL-2.0-only
#
# usage: awk -F '\t' -f merge.awk NEW OLD
#
# The lines that bench printed in an earlier run, those of the cases that have
# been measured again as they are in NEW.

$1 != "row" && $1 != "parts" { next }

FNR == NR {
	line[$1, $2] = $0
	order[n++] = $1 SUBSEP $2
	next
}

($1, $2) in line {
	print line[$1, $2]
	delete line[$1, $2]
	next
}

{ print }

END {
	for (i = 0; i < n; i++)
		if (order[i] in line)
			print line[order[i]]
}
