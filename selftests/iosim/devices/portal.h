/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Portals: a page of registers, and a place to submit descriptors.
 */
#ifndef IOSIM_PORTAL_H
#define IOSIM_PORTAL_H

#include <linux/mutex.h>
#include <linux/rwsem.h>

#include "queue.h"

struct portal;
struct registers;
struct task_struct;

/**
 * struct portal_ops - what is particular to the user of a portal
 * @convert: find the hardware's PASID for a descriptor that is submitted; sets
 *	@pasid, and returns 0, or the errno of the submission. It may sleep
 * @interrupt: a descriptor that asks for it is done
 */
struct portal_ops {
	int (*convert)(struct portal *portal, const struct iosim_desc *desc,
		       u32 *pasid);
	void (*interrupt)(struct portal *portal);
};

/**
 * struct portal - a portal
 * @source: of the queue that it submits to
 * @ops: see there
 * @page: taken around each access to @registers, which may be elsewhere then; in any
 *	context, also with the lock of the queue held
 * @registers: a page; the user may have mapped it
 * @memory: @memory_size bytes, or NULL; likewise
 * @memory_size: see there
 * @pasid_bits: 0: no PASIDs
 * @features: IOSIM_FEATURE_*
 * @requests: it may request pages, if it can
 * @control: serializes opening, closing, and changes of the mode; outside
 *	@gate
 * @gate: a submission, from looking up its PASID until it is in the queue
 * @open: submissions are taken; written with @gate for writing
 * @poller: looks at the doorbell, or NULL
 */
struct portal {
	struct queue_source source;
	const struct portal_ops *ops;
	raw_spinlock_t page;
	struct registers *registers;
	void *memory;
	size_t memory_size;
	u32 pasid_bits;
	u32 features;
	bool requests;
	struct mutex control;
	struct rw_semaphore gate;
	bool open;
	struct task_struct *poller;
};

void portal_init(struct portal *portal, struct queue *queue,
		 struct iosim_endpoint *endpoint);

void portal_open(struct portal *portal);
void portal_close(struct portal *portal);
void portal_reset(struct portal *portal);
void portal_pause(struct portal *portal);
void portal_resume(struct portal *portal);

void portal_move_registers(struct portal *portal, void *to);
void portal_move_memory(struct portal *portal, void *to);
bool portal_poll(struct portal *portal);
bool portal_asks_reset(struct portal *portal);

int portal_submit(struct portal *portal, const struct iosim_desc *desc);

#define PORTAL_REGISTERS	0x80	/* bytes; the rest of the page is 0 */

void portal_read(struct portal *portal, void *copy);
int portal_write(struct portal *portal, unsigned int offset, const void *data,
		 size_t length);

#endif
