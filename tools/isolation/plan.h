/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Planning ACS: settings that give some functions a direct path to each other and
 * keep others apart, and that give up no more isolation than this takes.
 */
#ifndef IOASID_PLAN_H
#define IOASID_PLAN_H

#include "pci/bootline.h"
#include "pci/group.h"
#include "pci/path.h"
#include "pci/topology.h"

/**
 * struct pair - two functions
 * @a: index of one
 * @b: and of the other
 */
struct pair {
	int a;
	int b;
};

/**
 * struct pairs - several of them
 * @at: the pairs
 * @nr: how many
 * @size: room in @at
 */
struct pairs {
	struct pair *at;
	int nr;
	int size;
};

/**
 * struct plan - what is wanted, and the result
 * @t: the machine; its ACS registers are now as before, now as after
 * @p2p: pairs that want a direct path
 * @isolate: pairs to be kept apart
 * @kernel: for drivers of the kernel, which have a rule of their own: see p2pdma.h
 * @translated: the direct path is for requests translated through ATS
 * @root_complex: a path that the root complex may offer is good enough
 * @now: for each function, its ACS control register as it is
 * @then: the same as planned
 * @before: the groups now
 * @after: the groups with the plan
 * @refusal: why it cannot be done, or NULL
 */
struct plan {
	struct topology *t;
	struct pairs p2p;
	struct pairs isolate;
	bool kernel;
	bool translated;
	bool root_complex;
	uint16_t *now;
	uint16_t *then;
	struct groups *before;
	struct groups *after;
	char *refusal;
};

struct plan *plan_new(const struct topology *t);
void plan_free(struct plan *p);
void plan_want(struct pairs *pairs, int a, int b);
bool plan_make(struct plan *p);
void plan_use(struct plan *p, const uint16_t *ctrl);
int plan_changes(const struct plan *p);
bool plan_holds_bare(struct plan *p);
char *plan_line(const struct plan *p, const struct bootline *present);
char *plan_redir_line(struct plan *p, const struct bootline *present);
struct pairs plan_opened(struct plan *p);

#endif
