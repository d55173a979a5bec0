/* SPDX-License-Identifier: GPL-2.0-only */
/* The actions of a soak. */
#ifndef SELFTESTS_SOAK_ACTION_H
#define SELFTESTS_SOAK_ACTION_H

#include "worker.h"

/**
 * struct action - a row of the table
 * @name: for people
 * @weight: how often, relative to others of the same kind of worker; 0: only if asked
 *	for
 * @kind: who does it
 * @function: returns 0, NOTHING_TO_DO, or a negative errno, which is no failure of
 *	the soak: that is told by broken()
 * @may_never: it need not ever succeed: it is there for what it does to others
 */
struct action {
	const char *name;
	unsigned int weight;
	unsigned int kind;
	int (*function)(struct worker *w);
	bool may_never;
};

extern struct action actions[];
extern const unsigned int nr_actions;

int action_skip(const char *names);
int action_step(struct worker *w);

/* mapping.c */
int act_map(struct worker *w);
int act_map_file(struct worker *w);
int act_map_taken(struct worker *w);
int act_map_batch(struct worker *w);
int act_map_huge(struct worker *w);
int act_copy(struct worker *w);
int act_unmap(struct worker *w);
int act_unmap_batch(struct worker *w);
int act_unmap_cut(struct worker *w);
int act_look(struct worker *w);
int act_verify(struct worker *w);

/* attach.c */
int act_attach(struct worker *w);
int act_detach(struct worker *w);
int act_table(struct worker *w);
int act_table_destroy(struct worker *w);
int act_destroy(struct worker *w);
int act_rebind(struct worker *w);
int act_reset(struct worker *w);
int act_in_flight(struct worker *w);

/* memory.c */
int act_memory(struct worker *w);
int act_change_process(struct worker *w);
int act_allow(struct worker *w);

/* nesting.c */
int act_nested(struct worker *w);
int act_dirty(struct worker *w);

/* guests.c */
int act_guest(struct worker *w);
int act_guest_pasids(struct worker *w);

/* viommus.c */
int act_viommu(struct worker *w);

/* queues.c */
int act_page_request(struct worker *w);
int act_event(struct worker *w);

/* devices.c */
int act_edu(struct worker *w);
int act_edu_pair(struct worker *w);
int act_legacy(struct worker *w);
int act_peer(struct worker *w);
int act_subdevice(struct worker *w);
int act_in_kernel(struct worker *w);

/* look.c */
int act_info(struct worker *w);
int act_dump(struct worker *w);
int act_ask_garbage(struct worker *w);
int act_extension(struct worker *w);
int act_listen(struct worker *w);
int act_split(struct worker *w);

/* chaos.c */
int act_garbage(struct worker *w);
int act_any_alloc(struct worker *w);
int act_any_map(struct worker *w);
int act_any_map_file(struct worker *w);
int act_any_unmap(struct worker *w);
int act_any_batch(struct worker *w);
int act_any_copy(struct worker *w);
int act_any_destroy(struct worker *w);
int act_any_nested(struct worker *w);
int act_any_table(struct worker *w);
int act_any_option(struct worker *w);
int act_any_queue(struct worker *w);
int act_any_legacy(struct worker *w);
int act_any_memory(struct worker *w);
int act_any_mail(struct worker *w);
int act_any_foreign(struct worker *w);
int act_guest_context(struct worker *w);

/* loose.c */
int act_loose_open(struct worker *w);
int act_loose_close(struct worker *w);
int act_loose_attach(struct worker *w);
int act_loose_detach(struct worker *w);
int act_loose_pasid(struct worker *w);
int act_loose_viommu(struct worker *w);
int act_loose_dma(struct worker *w);
int act_loose_vfio(struct worker *w);
int act_loose_group(struct worker *w);
int act_loose_edu(struct worker *w);
void loose_close(struct worker *w);

/* plug.c */
int act_plug(struct worker *w);
int act_replug(struct worker *w);
int act_plug_subdevice(struct worker *w);

/* kill.c */
int act_kill(struct worker *w);
int act_kill_user(struct worker *w);

/* keep.c */
int act_keep(struct worker *w);

#endif
