// SPDX-License-Identifier: GPL-2.0-only
/* The table of actions, and one step of a worker. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "action.h"
#include "report.h"

#define ROW(name, weight, kind) \
	{ #name, weight, kind, act_##name, false }
/* One that need not succeed. */
#define MAYBE(name, weight, kind) \
	{ #name, weight, kind, act_##name, true }

struct action actions[] = {
	ROW(map, 60, CHECKS),
	ROW(map_file, 40, CHECKS),
	MAYBE(map_taken, 4, CHECKS),
	ROW(map_batch, 30, CHECKS),
	ROW(map_huge, 12, CHECKS),
	ROW(copy, 25, CHECKS),
	ROW(unmap, 50, CHECKS),
	ROW(unmap_batch, 15, CHECKS),
	MAYBE(unmap_cut, 6, CHECKS),
	ROW(look, 60, CHECKS),
	ROW(verify, 10, CHECKS),
	ROW(attach, 40, CHECKS),
	ROW(detach, 20, CHECKS),
	ROW(table, 12, CHECKS),
	ROW(table_destroy, 16, CHECKS),
	ROW(destroy, 8, CHECKS),
	ROW(rebind, 5, CHECKS),
	ROW(reset, 5, CHECKS),
	ROW(in_flight, 25, CHECKS),
	ROW(memory, 25, CHECKS),
	ROW(change_process, 4, CHECKS),
	ROW(allow, 8, CHECKS),
	ROW(nested, 20, CHECKS),
	ROW(guest, 15, CHECKS),
	ROW(guest_pasids, 15, CHECKS),
	ROW(viommu, 15, CHECKS),
	ROW(dirty, 12, CHECKS),
	ROW(page_request, 12, CHECKS),
	ROW(event, 10, CHECKS),
	ROW(edu, 12, CHECKS),
	ROW(edu_pair, 5, CHECKS),
	ROW(legacy, 5, CHECKS),
	ROW(peer, 8, CHECKS),
	ROW(subdevice, 8, CHECKS),
	ROW(in_kernel, 15, CHECKS),
	ROW(info, 12, CHECKS),
	ROW(extension, 6, CHECKS | CHAOS),
	ROW(dump, 6, CHECKS | CHAOS),
	ROW(listen, 4, CHECKS | CHAOS),
	ROW(split, 4, CHAOS),
	MAYBE(ask_garbage, 4, CHAOS),
	ROW(garbage, 60, CHAOS),
	ROW(any_alloc, 20, CHAOS),
	ROW(any_map, 60, CHAOS),
	ROW(any_map_file, 30, CHAOS),
	ROW(any_unmap, 40, CHAOS),
	ROW(any_batch, 30, CHAOS),
	ROW(any_copy, 25, CHAOS),
	ROW(any_destroy, 12, CHAOS),
	ROW(any_nested, 10, CHAOS),
	ROW(any_table, 20, CHAOS),
	ROW(any_option, 12, CHAOS),
	ROW(any_queue, 12, CHAOS),
	ROW(any_legacy, 20, CHAOS),
	ROW(any_memory, 20, CHAOS),
	ROW(any_mail, 10, CHAOS),
	MAYBE(any_foreign, 6, CHAOS),
	ROW(guest_context, 20, CHAOS),
	ROW(loose_open, 30, CHAOS),
	ROW(loose_close, 6, CHAOS),
	ROW(loose_attach, 40, CHAOS),
	ROW(loose_detach, 10, CHAOS),
	ROW(loose_pasid, 30, CHAOS),
	ROW(loose_viommu, 40, CHAOS),
	ROW(loose_dma, 40, CHAOS),
	ROW(loose_vfio, 20, CHAOS),
	MAYBE(loose_group, 8, CHAOS),
	ROW(loose_edu, 8, CHAOS),
	MAYBE(plug, 10, PLUGS),
	ROW(replug, 10, PLUGS),
	MAYBE(plug_subdevice, 8, PLUGS),
	ROW(kill, 10, KILLS),
	ROW(kill_user, 4, KILLS),
	ROW(keep, 1, KEEPS),
};

const unsigned int nr_actions = sizeof(actions) / sizeof(actions[0]);
_Static_assert(sizeof(actions) / sizeof(actions[0]) <= MAX_ACTIONS);

/* Do without some of them: "NAME,NAME". */
int action_skip(const char *names)
{
	char *list = strdup(names), *rest = list, *name;
	int rc = list ? 0 : -1;
	unsigned int i;

	while (!rc && (name = strsep(&rest, ","))) {
		for (i = 0; i < nr_actions; i++)
			if (!strcmp(name, actions[i].name))
				break;
		if (i < nr_actions)
			actions[i].weight = 0;
		else
			rc = *name ? -1 : 0;
	}
	free(list);
	return rc;
}

static unsigned int choose(struct worker *w)
{
	unsigned int i, sum = 0, at;

	for (i = 0; i < nr_actions; i++)
		if (actions[i].kind & w->kind)
			sum += actions[i].weight;
	at = pick(w, sum ?: 1);
	for (i = 0; i < nr_actions; i++) {
		if (!(actions[i].kind & w->kind))
			continue;
		if (at < actions[i].weight)
			break;
		at -= actions[i].weight;
	}
	return i < nr_actions ? i : 0;
}

static void count(unsigned int nr, int rc)
{
	struct tally *t = &world->tally[nr];

	if (rc == NOTHING_TO_DO)
		return;
	__atomic_add_fetch(&t->calls, 1, __ATOMIC_RELAXED);
	if (!rc)
		__atomic_add_fetch(&t->good, 1, __ATOMIC_RELAXED);
}

/* One action, chosen by its weight. */
int action_step(struct worker *w)
{
	struct worker_log *log = &world->logs[w->nr];
	unsigned int nr = choose(w);
	struct log_entry *entry = &log->entries[w->step % LOG_LENGTH];
	int rc;

	*entry = (struct log_entry) { .step = w->step, .action = nr };
	log->since = world_seconds();
	log->step = w->step + 1;
	about(w, 0, 0);
	rc = actions[nr].function(w);
	entry->rc = rc;
	entry->a = w->a;
	entry->b = w->b;
	coverage_take(&w->coverage);
	count(nr, rc);
	w->step++;
	return rc;
}
