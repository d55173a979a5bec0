// SPDX-License-Identifier: GPL-2.0-only
/*
 * If two devices turn out not to be isolated, say because of an erratum, their
 * groups are really one, and it matters who has which device of it.
 */
#include "isolation/split_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isolation/explain.h"
#include "module/live.h"
#include "pci/group.h"
#include "pci/holder.h"
#include "pci/machine.h"
#include "pci/path.h"

/**
 * struct side - a device and what is in its group
 * @index: the device
 * @group: its group, -1 for none
 * @holders: who has a device of it
 * @nr: how many
 */
struct side {
	int index;
	int group;
	struct process *holders;
	int nr;
};

static bool has_pid(const struct side *side, int pid)
{
	int i;

	for (i = 0; i < side->nr; i++)
		if (side->holders[i].pid == pid)
			return true;
	return false;
}

static void add_holder(struct side *side, const struct process *process)
{
	if (has_pid(side, process->pid))
		return;
	side->holders = xrealloc(side->holders, side->nr + 1,
				 sizeof(*side->holders));
	side->holders[side->nr++] = *process;
}

/* Who has a node, or the device itself, if the kernel tells that. Return: any? */
static bool add_holders(struct side *side, const struct holds *holds,
			const char *node, const char *address)
{
	bool any = false;
	int i;

	for (i = 0; i < holds->nr; i++) {
		const struct hold *hold = &holds->at[i];

		if (hold->gone ||
		    !((node && !strcmp(hold->name, node)) ||
		      (address && !strcmp(hold->device, address))))
			continue;
		add_holder(side, &hold->process);
		any = true;
	}
	return any;
}

/* Of a device that nobody is seen to have: who has bound it, says the module. */
static void add_owner(struct side *side, json_t *owner)
{
	bool mapper = json_object_get(owner, "mapper");
	const char *comm = json_string_value(json_object_get(owner, mapper ?
					     "mapper_command" : "command"));
	struct process process = {
		.pid = json_integer_value(json_object_get(owner, mapper ?
							  "mapper" : "pid")),
	};

	snprintf(process.comm, sizeof(process.comm), "%s", comm ? comm : "?");
	clean_text(process.comm);
	if (owner)
		add_holder(side, &process);
}

static void look_for_holders(struct side *side, const struct topology *t,
			     const struct holds *holds, json_t *owners,
			     const char *root)
{
	char address[ADDRESS_SIZE], *node;
	int i;

	for (i = 0; i < t->nr; i++) {
		if (i != side->index &&
		    (side->group < 0 || t->functions[i].group != side->group))
			continue;
		node = holds_node(&t->functions[i], root);
		topology_address(&t->functions[i], address);
		if (!add_holders(side, holds, node, address))
			add_owner(side, json_object_get(owners, address));
		free(node);
	}
	if (side->group < 0)
		return;
	node = xasprintf("/dev/vfio/%d", side->group);
	add_holders(side, holds, node, NULL);
	free(node);
}

static json_t *holders_json(const struct side *side)
{
	json_t *array = xjson(json_array());
	int i;

	for (i = 0; i < side->nr; i++)
		json_array_append_new(array, json_pack("{si ss}", "pid",
				      side->holders[i].pid, "comm",
				      side->holders[i].comm));
	return array;
}

static void side_text(const struct topology *t, const struct side *side,
		      const struct groups *g)
{
	char address[ADDRESS_SIZE];
	const int *members;
	int i, nr;

	printf("%s%s%s", paint(PAINT_HEAD),
	       topology_address(&t->functions[side->index], address),
	       paint(PAINT_OFF));
	if (g->of[side->index] < 0)
		printf(" has no group");
	else
		printf(" is in group %d with", g->of[side->index]);
	members = groups_members(g, g->of[side->index], &nr);
	for (i = 0; side->group >= 0 && i < nr; i++)
		if (members[i] != side->index)
			printf(" %s", topology_address(
			       &t->functions[members[i]], address));
	if (side->group >= 0 && nr == 1)
		printf(" nobody else");
	putchar('\n');
	for (i = 0; i < side->nr; i++)
		printf("  in use by process %d (%s)\n", side->holders[i].pid,
		       side->holders[i].comm);
}

/* One process that has both, and no other: a pair that harms nobody. */
static bool at_risk(const struct side *a, const struct side *b)
{
	int i;

	if (!a->nr || !b->nr)
		return false;
	for (i = 0; i < a->nr; i++)
		if (!has_pid(b, a->holders[i].pid))
			return true;
	for (i = 0; i < b->nr; i++)
		if (!has_pid(a, b->holders[i].pid))
			return true;
	return false;
}

static const char *verdict_text(bool one, bool reach, bool unknown,
				enum answer risk)
{
	if (one)
		return "they are in one group: Linux does not take them for isolated anyway";
	if (risk == ANSWER_YES)
		return "different processes have devices of both: they would share the risk now";
	if (risk == ANSWER_UNKNOWN)
		return "whether somebody shares a risk now is unknown: what processes of others have is seen by root only, and outside of a container";
	if (reach)
		return "nobody shares a risk now, but one reaches the other past the IOMMU already";
	if (unknown)
		return "nobody shares a risk now, but whether one reaches the other past the IOMMU is not known: registers could not be read";
	return "nobody shares a risk now: no two processes have devices of both";
}

/* Return: whether somebody shares a risk. */
static enum answer judge(const struct topology *t, const struct groups *g,
			 const struct side *a, const struct side *b, bool unseen)
{
	bool one = a->group >= 0 && a->group == b->group;
	bool reach = path_reaches(t, a->index, b->index) ||
		     path_reaches(t, b->index, a->index);
	bool unknown = !reach && (path_unknown(t, a->index, b->index) ||
				  path_unknown(t, b->index, a->index));
	enum answer risk = one ? ANSWER_NO : at_risk(a, b) ? ANSWER_YES :
			   unseen ? ANSWER_UNKNOWN : ANSWER_NO;
	const char *text = verdict_text(one, reach, unknown, risk);

	if (output.json) {
		output_json(json_pack("{sb so so so so ss}", "one_group", one,
				      "reach", unknown ? json_null() :
							 json_boolean(reach),
				      "at_risk", risk == ANSWER_UNKNOWN ?
						 json_null() :
						 json_boolean(risk == ANSWER_YES),
				      "holders_a", holders_json(a),
				      "holders_b", holders_json(b),
				      "text", text));
	} else {
		side_text(t, a, g);
		side_text(t, b, g);
		puts(text);
	}
	return risk;
}

static enum status status_of(enum answer risk)
{
	return risk == ANSWER_YES ? STATUS_NO :
	       risk == ANSWER_UNKNOWN ? STATUS_UNKNOWN : STATUS_OK;
}

/**
 * split_check() - the command
 * @session: the machine
 * @argc: number of words
 * @argv: the words
 *
 * Return: exit status; STATUS_NO if somebody shares a risk, STATUS_UNKNOWN if that
 * cannot be seen.
 */
enum status split_check(struct session *session, int argc, char **argv)
{
	const struct topology *t;
	struct side sides[2] = { };
	const char *root = session->source.root;
	struct holds *holds;
	json_t *owners;
	struct groups *g;
	enum answer risk;
	int i;

	if (argc != 2)
		fail(STATUS_USAGE, "split-check takes two devices");
	if (session->source.dump)
		fail(STATUS_USAGE, "split-check looks at the running system: a dump does not show who has what");
	t = session_topology(session);
	for (i = 0; i < 2; i++)
		sides[i].index = session_function(session, argv[i]);
	if (sides[0].index == sides[1].index)
		fail(STATUS_USAGE, "split-check takes two devices, not one twice");
	g = groups_of_kernel(t);
	if (!g)
		fail(STATUS_FAILED, "no IOMMU is in use: nothing is isolated");
	holds = holds_look(root);
	/* The module tells of the running system only, by the host's numbers. */
	owners = *root || !process_is_outermost(root) ? NULL : live_owners();
	for (i = 0; i < 2; i++) {
		sides[i].group = g->of[sides[i].index];
		look_for_holders(&sides[i], t, holds, owners, root);
	}
	risk = judge(t, g, &sides[0], &sides[1], holds->unseen);
	for (i = 0; i < 2; i++)
		free(sides[i].holders);
	json_decref(owners);
	holds_free(holds);
	groups_free(g);
	return status_of(risk);
}
