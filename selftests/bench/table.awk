# SPDX-License-Identifier: GPL-2.0-only
#
# The "row" lines of several back ends (see bench.c), one file each and named
# for it, as one table: on a terminal, or in Markdown with -v style=markdown.

FNR == 1 {
	backend = FILENAME
	sub(/.*\//, "", backend)
	sub(/\.tsv$/, "", backend)
}

$1 == "row" {
	if (!($2 in title))
		order[++rows] = $2
	title[$2] = $8
	unit[$2] = $4
	map[backend, $2] = $5
	unmap[backend, $2] = $6
}

function figure(value) {
	if (value == "" || value == "-")
		return "-"
	if (value >= 100)
		return sprintf("%.0f", value)
	if (value >= 0.1)
		return sprintf(value >= 10 ? "%.1f" : "%.2f", value)
	return sprintf("%.3f", value)
}

function ratio(value, base) {
	if (value == "" || base == "" || value == "-" || base + 0 == 0)
		return "-"
	value /= base
	return sprintf(value < 0.1 ? "%.3f" : "%.2f", value)
}

# The two figures of one column in one row.
function cell(column, key,    a, b, base) {
	base = over[column]
	if (base != "") {
		a = ratio(map["ours", key], map[base, key])
		b = ratio(unmap["ours", key], unmap[base, key])
	} else {
		a = figure(map[column, key])
		b = figure(unmap[column, key])
	}
	if (style == "markdown")
		return sprintf(" %s / %s |", a, b)
	return sprintf("  %6s %5s", a, b)
}

function label(column) {
	sub(/intree/, "in-tree", column)
	return column
}

function print_head(    c, head, line) {
	if (style == "markdown") {
		head = "| map / unmap | per |"
		line = "|---|---|"
		for (c = 1; c <= columns; c++) {
			head = head " " label(column[c]) " |"
			line = line "---|"
		}
		print head "\n" line
		return
	}
	printf "Instructions to map and to unmap (%s)\n\n", setting
	head = sprintf("%-28s %-5s", "", "per")
	for (c = 1; c <= columns; c++)
		head = head sprintf("  %12s", label(column[c]))
	print head
}

END {
	columns = split("ours type1 intree floor ours/intree ours/floor",
			column, " ")
	over["ours/intree"] = "intree"
	over["ours/floor"] = "floor"

	print_head()
	for (r = 1; r <= rows; r++) {
		key = order[r]
		line = sprintf(style == "markdown" ? \
			"| %s | %s |" : "%-28s %-5s", title[key], unit[key])
		for (c = 1; c <= columns; c++)
			line = line cell(column[c], key)
		print line
	}
}
