// SPDX-License-Identifier: GPL-2.0-only
#include "isolation/check_groups.h"

#include <stdlib.h>
#include <unistd.h>

#include "isolation/check_line.h"
#include "isolation/explain.h"
#include "output.h"
#include "pci/acs.h"
#include "pci/acs_list.h"
#include "pci/group.h"

/* Is ACS as Linux has set it up at boot? */
static void check_registers(const struct topology *t,
			    const struct bootline *line, struct remarks *f)
{
	char address[ADDRESS_SIZE], names[ACS_NAMES_SIZE];
	int i, changed = 0;

	for (i = 0; i < t->nr; i++) {
		const struct function *at = &t->functions[i];
		uint16_t drift = acs_list_drift(t, i, line);
		uint16_t off = drift & ~at->acs.ctrl;
		uint16_t on = drift & at->acs.ctrl;

		if (!drift)
			continue;
		changed++;
		topology_address(at, address);
		if (off)
			remark(f, REMARK_WRONG, "register", address,
				"%s is off, and at boot Linux switches it on: something has changed it since, as setpci does",
				acs_names(off, names));
		if (on)
			remark(f, REMARK_NOTE, "register", address,
				"%s is on, and at boot Linux switches it off: something has changed it since, as setpci does",
				acs_names(on, names));
	}
	if (!changed && !t->blind)
		remark(f, REMARK_FINE, "registers", NULL,
			"the ACS registers are as Linux has set them up at boot");
}

/* Two functions in two groups that the registers do not keep apart. */
static void report_finer(const struct topology *t, const struct groups *model,
			 const struct groups *kernel, int index, bool patched,
			 struct remarks *f)
{
	const struct group_reason *reason = &model->reason[index];
	const struct function *culprit = &t->functions[reason->culprit];
	struct acs_verdict verdict = acs_judge(culprit, ACS_ISOLATED);
	bool registers = verdict.basis == ACS_BY_REGISTER;
	char *text = explain_group(t, model, index);
	char *where = xasprintf("groups %d and %d", kernel->of[reason->with],
				kernel->of[index]);

	if (registers)
		remark(f, REMARK_DANGER, "finer", where,
			"not isolated from each other now: %s", text);
	else if (patched)
		remark(f, REMARK_DANGER, "finer", where,
			"not isolated from each other, and apart because of pcie_acs_override= only: %s",
			text);
	else
		remark(f, REMARK_UNKNOWN, "finer", where,
			"apart although %s: the kernel knows this device, and this tool does not, or it is one with the ACS override patch",
			text);
	free(where);
	free(text);
}

static int report_all_finer(const struct topology *t,
			    const struct groups *model,
			    const struct groups *kernel, bool patched,
			    struct remarks *f)
{
	int i, n = 0, last_from = -1, last_to = -1;

	for (i = 0; i < t->nr; i++) {
		int with = model->reason[i].with;
		int from, to;

		/* What is together for want of knowledge is no reproach */
		if (with < 0 || model->reason[i].culprit < 0 ||
		    groups_open(model, i))
			continue;
		from = kernel->of[with];
		to = kernel->of[i];
		if (from < 0 || to < 0 || from == to ||
		    (from == last_from && to == last_to))
			continue;
		report_finer(t, model, kernel, i, patched, f);
		last_from = from;
		last_to = to;
		n++;
	}
	return n;
}

/* Groups with members that the registers would keep apart now. */
static int report_coarser(const struct topology *t, const struct groups *model,
			  const struct groups *kernel, struct remarks *f)
{
	char a[ADDRESS_SIZE], b[ADDRESS_SIZE], *where;
	int at, i, n = 0;

	for (at = 0; at < kernel->nr; at++) {
		const int *members = &kernel->member[kernel->first[at]];
		int nr = kernel->first[at + 1] - kernel->first[at];

		for (i = 1; i < nr; i++)
			if (model->of[members[i]] != model->of[members[0]] &&
			    !groups_open(model, members[i]))
				break;
		if (i == nr)
			continue;
		where = xasprintf("group %d", groups_number(kernel, at));
		remark(f, REMARK_NOTE, "coarser", where,
			"%s and %s could be apart with what the registers say now: they were others when the group was formed, or the kernel has another reason",
			topology_address(&t->functions[members[0]], a),
			topology_address(&t->functions[members[i]], b));
		free(where);
		n++;
	}
	return n;
}

/**
 * check_groups() - compare the kernel's groups with what is isolated now
 * @t: the running machine
 * @line: the command line that it was booted with
 * @f: where to report
 *
 * Groups are formed once.  What is written to the registers afterwards changes what
 * is isolated, and not the groups.
 */
void check_groups(const struct topology *t, const struct bootline *line,
		  struct remarks *f)
{
	struct groups *kernel = groups_of_kernel(t);
	struct groups *model = groups_predict(t);
	bool patched = check_has_override(line);
	int n;

	if (!kernel) {
		remark(f, REMARK_NOTE, "groups", NULL,
			"there are no groups: no IOMMU is in use");
	} else {
		check_registers(t, line, f);
		n = report_all_finer(t, model, kernel, patched, f);
		n += report_coarser(t, model, kernel, f);
		if (t->blind)
			remark(f, REMARK_UNKNOWN, "groups", NULL,
				"registers of %d functions could not be read%s: whether all groups hold cannot be told",
				t->blind, geteuid() ? ", as only root can" : "");
		else if (!n)
			remark(f, REMARK_FINE, "groups", NULL,
				"the groups are those that the registers give");
	}
	groups_free(kernel);
	groups_free(model);
}
