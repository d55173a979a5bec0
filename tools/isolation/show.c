// SPDX-License-Identifier: GPL-2.0-only
#include "isolation/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isolation/explain.h"
#include "isolation/intruder.h"
#include "isolation/one_device.h"
#include "pci/acs_expected.h"
#include "pci/defaults.h"
#include "pci/gaps.h"
#include "pci/group.h"
#include "pci/machine.h"
#include "pci/path.h"
#include "pci/quirk.h"
#include "pci/reach.h"
#include "pci/span.h"

/**
 * struct view - what is shown
 * @t: the machine
 * @model: the groups that the kernel would form
 * @g: the groups to show: the running kernel's, or the model's
 * @machine: facts that are not in PCI
 * @reach: who of other groups gets past the IOMMU
 * @unknown: of whom it is not known; NULL if all is known
 * @differs: for each function, whether the two sorts of groups do; or NULL
 */
struct view {
	const struct topology *t;
	struct groups *model;
	struct groups *g;
	struct machine *machine;
	struct reach *reach;
	struct reach *unknown;
	bool *differs;
};

static void view_open(struct view *view, struct session *session)
{
	view->t = session_topology(session);
	view->model = groups_predict(view->t);
	view->g = view->t->live ? groups_of_kernel(view->t) : NULL;
	view->machine = machine_look(view->t, session->source.root);
	if (!view->g)
		view->g = view->model;
	view->reach = reach_new(view->t, view->g, path_reaches);
	if (gaps_any(view->t))
		view->unknown = reach_new(view->t, view->g, path_unknown);
	if (view->g != view->model)
		view->differs = groups_differences(view->t, view->g,
						   view->model);
}

static void view_close(struct view *view)
{
	if (view->g != view->model)
		groups_free(view->g);
	groups_free(view->model);
	machine_free(view->machine);
	reach_free(view->reach);
	reach_free(view->unknown);
	free(view->differs);
}

static bool differs(const struct view *view, int index)
{
	return view->differs && view->differs[index];
}

static void caps_line(const struct view *view, const struct function *f)
{
	const struct caps *c = &f->caps;

	if (!f->known || !f->pcie_known || !f->acs.known)
		printf("      unknown: %s\n", !f->known ? "all but its address" :
		       !f->pcie_known ? "its capabilities" :
		       "its extended capabilities, such as ACS and ATS");
	if (!c->ats && !c->pri && !c->pasid_bits && !c->siov && !c->sriov_vfs)
		return;
	printf("      capable of:");
	if (c->ats)
		printf(" ATS%s", c->ats_on ? " (on)" : "");
	if (c->pri)
		printf(" PRI%s", c->pri_on ? " (on)" : "");
	if (c->pasid_bits)
		printf(" PASID of %u bits%s", c->pasid_bits,
		       c->pasid_on ? " (on)" : "");
	if (c->siov)
		printf(" SIOV%s", !c->ims ? "" :
		       view->machine->is_virtual.answer == ANSWER_YES ?
		       " with IMS (of no use: the machine is virtual)" :
		       " with IMS");
	if (c->sriov_vfs)
		printf(" SR-IOV (%u VFs)", c->sriov_vfs);
	putchar('\n');
}

static void function_line(const struct function *f)
{
	char address[ADDRESS_SIZE];

	printf("    %s%s%s %s, %s%s%s\n", paint(PAINT_HEAD),
	       topology_address(f, address), paint(PAINT_OFF),
	       topology_kind(f), f->name, f->driver ? ", driver " : "",
	       f->driver ? f->driver : "");
}

/* The kernel isolates where registers alone would not have it do so. */
static void quirk_line(const struct function *f)
{
	struct acs_verdict verdict = acs_judge(f, ACS_ISOLATED);

	if (verdict.quirk)
		printf("      %sa rule of the kernel, not ACS:%s %s\n",
		       paint(PAINT_NOTE), paint(PAINT_OFF),
		       quirk_text(verdict.quirk));
}

/* Firmware can hide a capability. */
static void expected_line(const struct function *f)
{
	const char *why = acs_expected(f);

	if (why)
		printf("      %sno ACS capability, though %s:%s look for ACS, or AER, in the firmware's setup\n",
		       paint(PAINT_NOTE), why, paint(PAINT_OFF));
}

static void harmless_line(const struct topology *t, const int *members, int nr)
{
	const char *text = one_device_text(t, members, nr);

	if (text)
		printf("  %sno harm in that:%s %s\n", paint(PAINT_GOOD),
		       paint(PAINT_OFF), text);
}

static void why_lines(const struct view *view, const int *members, int nr)
{
	const char *head = "  one group because\n";
	int i;

	for (i = 0; i < nr; i++) {
		int with = view->model->reason[members[i]].with;
		char *text;

		/* Not one that the kernel has put elsewhere than its reason */
		if (with < 0 || view->g->of[with] != view->g->of[members[i]])
			continue;
		text = explain_group(view->t, view->model, members[i]);
		printf("%s    %s\n", head, text);
		head = "";
		free(text);
	}
	for (i = 0; i < nr; i++) {
		char address[ADDRESS_SIZE];

		if (differs(view, members[i]))
			printf("  %sthe kernel has grouped %s otherwise than this tool's model of it%s\n",
			       paint(PAINT_NOTE),
			       topology_address(&view->t->functions[members[i]],
						address), paint(PAINT_OFF));
	}
}

/* Ports above a group that isolate by the kernel's word, not by ACS. */
static void finer_lines(const struct view *view, int member)
{
	const struct topology *t = view->t;
	char address[ADDRESS_SIZE];
	int at;

	for (at = topology_above(t, member); at >= 0;
	     at = topology_above(t, at)) {
		struct acs_verdict verdict = acs_judge(&t->functions[at],
						       ACS_ISOLATED);

		if (verdict.quirk && verdict.isolates)
			printf("  finer than ACS registers allow: %s %s is %s\n",
			       topology_kind(&t->functions[at]),
			       topology_address(&t->functions[at], address),
			       quirk_text(verdict.quirk));
	}
}

static void group_text(const struct view *view, int group)
{
	const struct topology *t = view->t;
	const int *members;
	int i, nr;

	members = groups_members(view->g, group, &nr);
	printf("%sgroup %d%s%s\n", paint(PAINT_HEAD), group, paint(PAINT_OFF),
	       groups_open(view->g, members[0]) ?
	       " (open: it may be several, registers that decide are not known)" :
	       "");
	for (i = 0; i < nr; i++) {
		function_line(&t->functions[members[i]]);
		caps_line(view, &t->functions[members[i]]);
		quirk_line(&t->functions[members[i]]);
		expected_line(&t->functions[members[i]]);
	}
	why_lines(view, members, nr);
	harmless_line(t, members, nr);
	finer_lines(view, members[0]);
	intruders_text(t, view->reach, members, nr);
	if (view->unknown)
		intruders_unknown_text(t, view->unknown, members, nr);
}

static void ungrouped_text(const struct view *view)
{
	const int *members;
	int i, nr;

	members = groups_members(view->g, -1, &nr);
	if (nr)
		printf("%snot in a group: no IOMMU is in charge of them%s\n",
		       paint(PAINT_HEAD), paint(PAINT_OFF));
	for (i = 0; i < nr; i++)
		function_line(&view->t->functions[members[i]]);
}

static void source_text(const struct view *view)
{
	bool kernel = view->g != view->model;

	if (kernel)
		printf("groups: as the running kernel has formed them\n");
	else
		printf("groups: as Linux %s would form them, %s\n",
		       quirk_tables(view->t), view->t->live ? "if this machine used an IOMMU" :
		       "all devices being behind an IOMMU");
	defaults_text(view->t);
	gaps_text(view->t, kernel);
}

/* JSON -------------------------------------------------------------------- */

static json_t *function_json(const struct view *view, int index)
{
	const struct function *f = &view->t->functions[index];
	json_t *value = json_pack("{so ss ss so so so so so so so}",
				  "address", explain_address(view->t, index),
				  "kind", topology_kind(f), "name", f->name,
				  "driver", json_text(f->driver),
				  "above", explain_address(view->t,
					topology_above(view->t, index)),
				  "dma_as", explain_address(view->t,
							    f->dma_as),
				  "acs", explain_acs(f),
				  "capabilities", explain_caps(f),
				  "reason", explain_group_json(view->t,
					view->model, index),
				  "reached_from", intruders_json(view->t,
					view->reach, index));

	xjson(value);
	json_object_set_new(value, "reach_unknown_from",
			    intruders_unknown_json(view->t, view->unknown,
						   index));
	if (differs(view, index))
		json_object_set_new(value, "model_differs", json_true());
	return value;
}

static json_t *members_json(const struct view *view, int group)
{
	json_t *array = xjson(json_array());
	const int *members;
	int i, nr;

	members = groups_members(view->g, group, &nr);
	for (i = 0; i < nr; i++)
		json_array_append_new(array, function_json(view, members[i]));
	return array;
}

static json_t *group_json(const struct view *view, int group)
{
	const int *members;
	bool open = false;
	int i, nr;

	members = groups_members(view->g, group, &nr);
	for (i = 0; i < nr && !open; i++)
		open = groups_open(view->g, members[i]);
	return xjson(json_pack("{si sb sb so}", "group", group, "open", open,
			       "one_device", one_device_text(view->t, members,
							     nr) != NULL,
			       "functions", members_json(view, group)));
}

static json_t *view_json(const struct view *view)
{
	json_t *groups = xjson(json_array());
	int i;

	for (i = 0; i < view->g->nr; i++) {
		json_array_append_new(groups, group_json(view,
				      groups_number(view->g, i)));
	}
	return xjson(json_pack("{ss ss so si so so so}", "groups_of",
			       view->g == view->model ? "model" : "kernel",
			       "model", quirk_tables(view->t),
			       "acs_settings", defaults_json(view->t),
			       "unreadable", view->t->blind, "machine",
			       machine_json(view->machine), "groups", groups,
			       "ungrouped", members_json(view, -1)));
}

/**
 * show_groups() - all groups
 * @session: the machine
 *
 * Return: exit status.
 */
enum status show_groups(struct session *session)
{
	struct view view = { };
	int i;

	view_open(&view, session);
	if (output.json) {
		output_json(session_json(session, view_json(&view)));
	} else {
		machine_text(view.machine);
		source_text(&view);
		for (i = 0; i < view.g->nr; i++)
			group_text(&view, groups_number(view.g, i));
		ungrouped_text(&view);
	}
	view_close(&view);
	return session_status(session, false);
}

/* One device -------------------------------------------------------------- */

static void registers_line(const struct function *f)
{
	char can[ACS_NAMES_SIZE], on[ACS_NAMES_SIZE];

	if (f->acs.present)
		printf("      ACS can: %s; %s on: %s%s\n",
		       acs_names(f->acs.cap, can),
		       f->t->acs_origin == ACS_AS_READ ? "is" : "would be",
		       acs_names(f->acs.ctrl, on),
		       f->acs.dwords ? " (registers of 32 bits: an erratum)" :
		       "");
}

/* What is above a domain of its own is nothing that keeps its devices apart. */
static void vmd_line(const struct topology *t, int index)
{
	const struct function *f = &t->functions[index];
	char address[ADDRESS_SIZE];

	if (f->dma_as >= 0 && f->dma_as != index)
		printf("    %s%s%s VMD, whose requester ID all DMA from domain %04x has\n",
		       paint(PAINT_BAD), topology_address(
		       &t->functions[f->dma_as], address), paint(PAINT_OFF),
		       f->domain);
}

static void way_up(const struct view *view, int index)
{
	const struct topology *t = view->t;
	int at;

	printf("  from the device up to the root complex\n");
	for (at = index; at >= 0; at = topology_above(t, at)) {
		const struct function *f = &t->functions[at];
		struct acs_verdict verdict = acs_judge(f, ACS_ISOLATED);
		char *clause = explain_verdict(f, &verdict);
		char address[ADDRESS_SIZE];

		/* An end of the tree that is alone needs no verdict */
		printf("    %s%s%s %s %s\n", paint(verdict.isolates ||
			(at == index && !f->multifunction) ? PAINT_GOOD :
			PAINT_BAD), topology_address(f, address),
		       paint(PAINT_OFF), topology_kind(f), clause);
		registers_line(f);
		expected_line(f);
		free(clause);
	}
	vmd_line(t, index);
}

/* Is all known that the answer about a device goes by? */
static bool complete(const struct view *view, int index)
{
	const struct topology *t = view->t;
	struct crossings unknown = { };
	int i;

	for (i = index; i >= 0; i = topology_above(t, i))
		if (!acs_readable(&t->functions[i]))
			return false;
	if (view->unknown)
		reach_crossings(view->unknown, index, &unknown);
	free(unknown.at);
	return !unknown.nr && !groups_open(view->g, index);
}

/* Who reaches the device by a route, or is reached by it: of its own group, too. */
static int reached(const struct view *view, int index, bool by,
		   enum route route, int *others)
{
	const struct topology *t = view->t;
	int i, n = 0;

	for (i = 0; i < t->nr; i++) {
		int from = by ? i : index, to = by ? index : i;

		if (i != index && !t->functions[from].bridge &&
		    topology_is_target(&t->functions[to]) &&
		    path_find(t, from, to, TRAFFIC_REQUEST).route == route)
			others[n++] = i;
	}
	return n;
}

static void reach_lines(const struct view *view, int index)
{
	static const struct {
		bool by;
		enum route route;
		const char *text;
	} lines[] = {
		{ true, ROUTE_DIRECT, "reached past the IOMMU by" },
		{ false, ROUTE_DIRECT, "reaches past the IOMMU" },
		{ true, ROUTE_POSSIBLE,
		  "perhaps reached past the IOMMU, if the hardware does such a thing, by" },
		{ false, ROUTE_POSSIBLE,
		  "perhaps reaches past the IOMMU, if the hardware does such a thing" },
		{ true, ROUTE_UNKNOWN, "reached past the IOMMU: not known for" },
		{ false, ROUTE_UNKNOWN, "reaches past the IOMMU: not known for" },
	};
	int *others = xcalloc(view->t->nr, sizeof(*others)), n;
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		n = reached(view, index, lines[i].by, lines[i].route, others);
		if (n) {
			char *text = span_text(view->t, others, n);

			printf("  %s: %s\n", lines[i].text, text);
			free(text);
		}
	}
	free(others);
}

static json_t *reach_json(const struct view *view, int index, bool by,
			  enum route route)
{
	int *others = xcalloc(view->t->nr, sizeof(*others)), n, i;
	json_t *array = xjson(json_array());

	n = reached(view, index, by, route, others);
	for (i = 0; i < n; i++)
		json_array_append_new(array,
				      explain_address(view->t, others[i]));
	free(others);
	return array;
}

/**
 * show_device() - one function in depth
 * @session: the machine
 * @index: the function
 *
 * Return: exit status.
 */
enum status show_device(struct session *session, int index)
{
	struct view view = { };
	bool whole;

	view_open(&view, session);
	whole = complete(&view, index);
	if (output.json) {
		json_t *value = function_json(&view, index);

		json_object_set_new(value, "group",
				    json_integer(view.g->of[index]));
		json_object_set_new(value, "reached_by", reach_json(&view,
				    index, true, ROUTE_DIRECT));
		json_object_set_new(value, "perhaps_reached_by", reach_json(
				    &view, index, true, ROUTE_POSSIBLE));
		json_object_set_new(value, "acs_settings",
				    defaults_json(view.t));
		json_object_set_new(value, "machine",
				    machine_json(view.machine));
		output_json(session_json(session, value));
	} else {
		machine_text(view.machine);
		source_text(&view);
		if (view.g->of[index] >= 0)
			group_text(&view, view.g->of[index]);
		else
			ungrouped_text(&view);
		way_up(&view, index);
		reach_lines(&view, index);
	}
	view_close(&view);
	return session_status(session, whole);
}
