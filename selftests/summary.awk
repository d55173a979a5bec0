# SPDX-License-Identifier: GPL-2.0-only
#
# Summarise the output of selftests/vm/run: a line per program, and before it
# what each test said that failed.  -v machine=NAME goes into every line;
# "PASSED FAILED SKIPPED" of all goes to the file of -v totals=FILE.

function begin(name) {
	finish()
	program = name
	passed = failed = skipped = planned = 0
	said = ""
	# The machine itself does not exit; a program that does not took the
	# machine down with it.
	status = name == "machine" ? 0 : "never"
	seconds = ""
}

function finish() {
	if (program == "")
		return
	# A program that dies says nothing of the tests that it did not run.
	if (!failed && (status != 0 || passed + skipped < planned)) {
		failed++
		printf "%s", said
		print "exit status: " status
	}
	printf "%-4s %-8s %-20s %5d passed, %d failed, %d skipped%s\n",
	       failed ? "FAIL" : "ok", machine, program,
	       passed, failed, skipped, seconds
	total_passed += passed
	total_failed += failed
	total_skipped += skipped
	program = ""
}

/^# vm: program /	{ begin($4); next }
/^# vm: exit /		{ status = $4; seconds = "  " $6 " s"; next }
/^1\.\.[0-9]+/		{ planned = substr($0, 4) + 0 }
# What the kernel's log said comes after the verdict on it.
program == "machine" && failed && /^# / { print; next }
			{ said = said $0 "\n" }
/^ok .*# SKIP/		{ skipped++; said = ""; next }
/^ok /			{ passed++; said = "" }
/^not ok /		{ failed++; printf "%s", said; said = "" }
END {
	finish()
	print total_passed + 0, total_failed + 0, total_skipped + 0 >totals
}
