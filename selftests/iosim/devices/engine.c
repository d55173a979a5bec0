// SPDX-License-Identifier: GPL-2.0-only
/*
 * The DMA engine.
 *
 * A transfer goes piece by piece through a buffer. Between pieces it checks
 * whether it has to give up, so that a transfer of any length ends soon if it has
 * to.
 */
#include <linux/align.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "engine.h"

#define KNOWN_FLAGS	(IOSIM_DESC_PASID | IOSIM_DESC_BLOCK |		\
			 IOSIM_DESC_COMPLETION | IOSIM_DESC_INTERRUPT |	\
			 IOSIM_DESC_WRITE | IOSIM_DESC_NO_SNOOP |	\
			 IOSIM_DESC_PRIVILEGED)

/*
 * The missing pages of one piece of IOSIM_OP_PREFETCH are one group of requests:
 * as many as the longest queue holds, and more, so that it can be overrun.
 */
#define PREFETCH_CHUNK	(2048 * PAGE_SIZE)

/* Returns the bytes that have been done: less than @length, and @end says why. */
static u64 dma(const struct engine_job *job, u64 iova, void *buffer, u64 length,
	       bool write, struct iosim_completion *end)
{
	struct iosim_access access = {
		.pasid = job->pasid,
		.iova = iova,
		.length = length,
		.buffer = buffer,
		.write = write,
		.no_snoop = job->desc.flags & IOSIM_DESC_NO_SNOOP,
		.privileged = job->desc.flags & IOSIM_DESC_PRIVILEGED,
		.block = job->block,
		.abort = job->abort,
	};

	cond_resched();
	if (!READ_ONCE(*job->abort) &&
	    !iosim_access(job->endpoint, &access))
		return length;

	if (READ_ONCE(*job->abort)) {
		end->status = IOSIM_STATUS_ABORTED;
	} else {
		end->status = IOSIM_STATUS_FAULT;
		end->reason = access.reason;
		end->code = access.code;
		end->addr = access.fault_addr;
	}
	return min(access.done, length);
}

/* What has been read before a fault is written, so that the result is exact. */
static void run_copy(const struct engine_job *job, struct iosim_completion *end)
{
	const struct iosim_desc *desc = &job->desc;
	u64 n;

	while (!end->status && end->result < desc->length) {
		n = min(desc->length - end->result, ENGINE_CHUNK);
		n = dma(job, desc->src + end->result, job->scratch, n, false,
			end);
		if (n)
			n = dma(job, desc->dst + end->result, job->scratch, n,
				true, end);
		end->result += n;
	}
}

static void run_fill(const struct engine_job *job, struct iosim_completion *end)
{
	const struct iosim_desc *desc = &job->desc;
	u64 n;

	static_assert(IS_ALIGNED(ENGINE_CHUNK, sizeof(desc->value)));
	memset64(job->scratch, desc->value, ENGINE_CHUNK / sizeof(desc->value));
	while (!end->status && end->result < desc->length) {
		n = min(desc->length - end->result, ENGINE_CHUNK);
		end->result += dma(job, desc->dst + end->result, job->scratch,
				   n, true, end);
	}
}

static size_t first_difference(const u8 *a, const u8 *b, size_t n)
{
	size_t i;

	if (!memcmp(a, b, n))
		return n;
	for (i = 0; a[i] == b[i]; i++)
		;
	return i;
}

static void run_compare(const struct engine_job *job,
			struct iosim_completion *end)
{
	const struct iosim_desc *desc = &job->desc;
	void *other = job->scratch + ENGINE_CHUNK;
	u64 n, same;

	while (!end->status && end->result < desc->length) {
		n = min(desc->length - end->result, ENGINE_CHUNK);
		n = dma(job, desc->src + end->result, job->scratch, n, false,
			end);
		if (n)
			n = dma(job, desc->dst + end->result, other, n, false,
				end);
		same = first_difference(job->scratch, other, n);
		end->result += same;
		if (same < n) {
			/* Before any fault. */
			end->status = IOSIM_STATUS_OK;
			end->reason = 0;
			end->code = 0;
			end->addr = 0;
		}
	}
}

static void run_chase(const struct engine_job *job,
		      struct iosim_completion *end)
{
	u64 addr = job->desc.src, i, next;

	for (i = 0; i < job->desc.length; i++) {
		dma(job, addr, &next, sizeof(next), false, end);
		if (end->status)
			break;
		addr = next;
		end->result = next;
	}
}

static void run_prefetch(const struct engine_job *job,
			 struct iosim_completion *end)
{
	const struct iosim_desc *desc = &job->desc;
	bool write = desc->flags & IOSIM_DESC_WRITE;
	u64 n;

	while (!end->status && end->result < desc->length) {
		n = min(desc->length - end->result, PREFETCH_CHUNK);
		end->result += dma(job, desc->src + end->result, NULL, n, write,
				   end);
	}
}

static void run_nop(const struct engine_job *job, struct iosim_completion *end)
{
	if (READ_ONCE(*job->abort))
		end->status = IOSIM_STATUS_ABORTED;
}

typedef void run_fn(const struct engine_job *job, struct iosim_completion *end);

static run_fn *const ops[] = {
	[IOSIM_OP_NOP] = run_nop,
	[IOSIM_OP_COPY] = run_copy,
	[IOSIM_OP_FILL] = run_fill,
	[IOSIM_OP_COMPARE] = run_compare,
	[IOSIM_OP_CHASE] = run_chase,
	[IOSIM_OP_PREFETCH] = run_prefetch,
};

/**
 * engine_valid - does a descriptor make sense?
 * @desc: the descriptor
 *
 * Whether its PASID does is for the caller to know.
 */
bool engine_valid(const struct iosim_desc *desc)
{
	if (desc->op >= ARRAY_SIZE(ops) || desc->flags & ~KNOWN_FLAGS ||
	    desc->__reserved)
		return false;
	if ((desc->flags & IOSIM_DESC_PRIVILEGED) &&
	    !(desc->flags & IOSIM_DESC_PASID))
		return false;
	return !(desc->flags & IOSIM_DESC_COMPLETION) ||
	       IS_ALIGNED(desc->completion, sizeof(struct iosim_completion));
}

/**
 * engine_run - do what a descriptor asks for
 * @job: the descriptor, valid
 * @end: zeroed but for the cookie; set to how it has ended
 */
void engine_run(const struct engine_job *job, struct iosim_completion *end)
{
	ops[job->desc.op](job, end);
	if (!end->status)
		end->status = IOSIM_STATUS_OK;
}

/* Whoever aborts waits for no page, but the record arrives if its page is there. */
static int write_record(const struct engine_job *job, u64 offset,
			const void *data, size_t length)
{
	struct iosim_access access = {
		.pasid = job->pasid,
		.iova = job->desc.completion + offset,
		.length = length,
		.buffer = (void *)data,
		.write = true,
		.block = job->block,
		.abort = job->abort,
	};
	int rc;

	rc = iosim_access(job->endpoint, &access);
	if (rc != -ECANCELED)
		return rc;
	access.block = false;
	access.abort = NULL;
	return iosim_access(job->endpoint, &access);
}

/**
 * engine_complete - write the completion record
 * @job: what has ended
 * @end: how
 *
 * The status goes last, so that whoever sees it sees the rest, too. If the IOMMU
 * does not let it through the fault is all that remains of it.
 */
void engine_complete(const struct engine_job *job,
		     const struct iosim_completion *end)
{
	size_t rest = sizeof(end->status);

	static_assert(!offsetof(struct iosim_completion, status));
	if (write_record(job, rest, (void *)end + rest, sizeof(*end) - rest))
		return;
	/* Pairs with the user's load of the status, before the rest. */
	smp_wmb();
	write_record(job, 0, &end->status, rest);
}
