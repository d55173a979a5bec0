# SPDX-License-Identifier: GPL-2.0-only
#
# The "growth", "memory" and "threads" lines (see growth.c) of several back ends, one file
# each and named for it, as tables.

FNR == 1 {
	backend = FILENAME
	sub(/.*\/[a-z]*-/, "", backend)
	sub(/\.tsv$/, "", backend)
	sub(/intree/, "in-tree", backend)
}

$1 == "growth" && !grown++ {
	print "Instructions per call with so many areas mapped; per area, bytes"
	print "and instructions to unmap all at once and to close\n"
	printf "%-8s %8s %7s %7s %7s %9s %7s\n", "", "areas", "map", "unmap",
	       "bytes", "unmap all", "close"
}

$1 == "growth" {
	printf "%-8s %8s %7s %7s %7s %9s %7s\n", backend, $3, $4, $5, $6, $8,
	       $9
}

$1 == "row" {
	printf "\n%s: %s instructions per %s to map, %s to unmap (%s)\n", $8,
	       $5, $4, $6, backend
}

$1 == "memory" && !kinds++ {
	print "\nBytes for 1 GiB: page tables of the IOMMU, and beside them\n"
	printf "%-28s %-8s %9s %9s\n", "", "", "tables", "own"
}

$1 == "memory" {
	printf "%-28s %-8s %9s %9s\n", $5, backend, $3, $4
}

$1 == "threads" && !threaded++ {
	print "Mappings made and unmapped in a second of wall-clock time\n"
	printf "%-8s %8s %9s %9s %6s\n", "", "bytes", "1 thread", "2 threads",
	       "ratio"
}

$1 == "threads" {
	printf "%-8s %8s %9s %9s %6.2f\n", backend, $3, $4, $5, $5 / $4
}
