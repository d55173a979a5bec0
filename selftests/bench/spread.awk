# SPDX-License-Identifier: GPL-2.0-only
#
# Of the "row" lines of several runs: the least and the most of each, and how far apart
# they are, in per cent.

$1 == "row" {
	if (!($2 in title))
		order[++rows] = $2
	title[$2] = $8
	take($2, "map", $5)
	take($2, "unmap", $6)
}

function take(key, what, value) {
	n[key, what]++
	if (n[key, what] == 1 || value + 0 < least[key, what])
		least[key, what] = value + 0
	if (n[key, what] == 1 || value + 0 > most[key, what])
		most[key, what] = value + 0
}

function spread(key, what) {
	return sprintf("%9.3f %9.3f %5.2f %%", least[key, what], most[key, what],
		       (most[key, what] / least[key, what] - 1) * 100)
}

END {
	printf "%-28s %27s  %27s\n", "", "map: least, most, apart",
	       "unmap: least, most, apart"
	for (r = 1; r <= rows; r++)
		printf "%-28s %s  %s\n", title[order[r]],
		       spread(order[r], "map"), spread(order[r], "unmap")
}
