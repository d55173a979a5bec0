# SPDX-License-Identifier: GPL-2.0-only
#
# usage: awk -F '\t' -f check.awk TABLE BACKEND.tsv...
#
# Compare figures of ours, in lines of bench.c, with those of the committed table. If the
# floor has been measured, too, the table's figures are changed as the floor's have.

BEGIN { most = 2 }	# per cent

FNR == 1 {
	backend = FILENAME
	sub(/.*\//, "", backend)
	sub(/\.tsv$/, "", backend)
	table = FILENAME == ARGV[1]
}

$1 != "row" { next }

table {
	expected[$2, $3, "map"] = $5
	expected[$2, $3, "unmap"] = $6
	if (!($3 in title))
		order[++rows] = $3
	title[$3] = $7
	next
}

{
	measured[backend, $2, "map"] = $5
	measured[backend, $2, "unmap"] = $6
}

# By how many per cent one of the figures of a row is worse than it should be.
function worse(key, what,    want, floor) {
	want = expected["ours", key, what]
	floor = measured["floor", key, what]
	if (floor + 0 && expected["floor", key, what] + 0)
		want *= floor / expected["floor", key, what]
	return (measured["ours", key, what] / want - 1) * 100
}

function check(key,    what, map, unmap, verdict) {
	if (!(("ours", key, "map") in measured)) {
		print "not ok - " key ": not measured"
		failed++
		return
	}
	map = worse(key, "map")
	unmap = worse(key, "unmap")
	verdict = "ok"
	if (map > most || unmap > most) {
		verdict = "not ok"
		failed++
	} else {
		passed++
		if (map < -most || unmap < -most)
			better++
	}
	printf "%s - %s: %s: %.2f %.2f, %+.2f %% %+.2f %%\n", verdict, key,
	       title[key], measured["ours", key, "map"],
	       measured["ours", key, "unmap"], map, unmap
}

END {
	for (r = 1; r <= rows; r++)
		check(order[r])
	if (better)
		print "# better than the table by more than " most \
		      " %: selftests/bench/check --write makes that the measure"
	print passed + 0 " passed, " failed + 0 " failed"
	exit failed > 0
}
