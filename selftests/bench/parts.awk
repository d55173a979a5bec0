# SPDX-License-Identifier: GPL-2.0-only
#
# The "parts" lines of the floor (see bench.c) as a table: on a terminal, or in
# Markdown with -v style=markdown. What reading the clock costs is in them.

$1 != "parts" { next }

!head++ {
	if (style == "markdown") {
		print "| | per | pin | IOMMU map | IOMMU unmap | unpin |"
		print "|---|---|---|---|---|---|"
	} else {
		printf "%-28s %-5s %9s %9s %11s %9s\n", "", "per", "pin",
		       "IOMMU map", "IOMMU unmap", "unpin"
	}
}

style == "markdown" {
	printf "| %s | %s | %s | %s | %s | %s |\n", $8, $3, $4, $5, $6, $7
	next
}

{ printf "%-28s %-5s %9s %9s %11s %9s\n", $8, $3, $4, $5, $6, $7 }
