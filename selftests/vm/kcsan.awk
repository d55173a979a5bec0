# SPDX-License-Identifier: GPL-2.0-only
#
# A kernel log without those reports of KCSAN in which no access is in a function of
# iommufd's own: the kernel has its own races, and means them.  Both accesses are in
# the report, each with its stack; the function on top is that with the access in it,
# inlined functions of headers included.  Every other line stays where it is.

function end_of_report(i) {
	for (i = 0; i < held; i++)
		print (ours ? line[i] : "")
	held = ours = 0
}

# The head of a report is a rule and the title; its end is another rule.
/==========\r?$/ {
	if (held > 1) {
		line[held++] = $0
		end_of_report()
		next
	}
	if (held)
		print line[0]
	line[0] = $0
	held = 1
	next
}

held == 1 && !/BUG: KCSAN:/ {
	print line[0]
	held = 0
}

!held { print; next }

{
	line[held++] = $0
	if (top && / \[iommufd\]/)
		ours = 1
	top = / (to|at) 0x[0-9a-f]+ of [0-9]+ bytes by /
}

END {
	ours = 1
	end_of_report()
}
