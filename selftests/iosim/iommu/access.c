// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA.
 *
 * It is done in pieces that do not cross a page, translation and memory access
 * together under the lock of the endpoint. So after changing a table, and taking and
 * dropping that lock to invalidate the old translation, nothing is written to or
 * read from the old memory any more.
 */
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "access.h"
#include "domain.h"
#include "endpoint.h"
#include "mmio.h"
#include "nested.h"
#include "prq.h"
#include "report.h"
#include "table.h"
#include "viommu.h"
#include "vtd_walk.h"
#include "walk.h"

/*
 * Words arrive as a whole, and what was written before them, with the lock taken in
 * between, is there by then: user space may be waiting for one to change.
 */
static void transfer(void *to, const void *from, size_t length)
{
	unsigned long misaligned = (unsigned long)to | (unsigned long)from;

	if (length == 8 && !(misaligned & 7))
		WRITE_ONCE(*(u64 *)to, READ_ONCE(*(const u64 *)from));
	else if (length == 4 && !(misaligned & 3))
		WRITE_ONCE(*(u32 *)to, READ_ONCE(*(const u32 *)from));
	else
		memcpy(to, from, length);
}

/* Return: false if it is memory of a device that does not decode it any more. */
static bool move(void *memory, void *buffer, size_t length, bool write)
{
	if (mmio_is(memory))
		return mmio_transfer(memory, buffer, length, write);
	if (write)
		transfer(memory, buffer, length);
	else
		transfer(buffer, memory, length);
	return true;
}

/* Whether it went past the caches: nothing forbids it but a second stage. */
static bool bypassed(const struct iosim_access *access,
		     const struct attachment *at)
{
	return access->no_snoop &&
	       !(at->second && READ_ONCE(at->second->coherent));
}

/* A request that another device takes on its way to the IOMMU, which knows nothing of it. */
static void do_peer(struct iosim_endpoint *endpoint,
		    const struct iosim_access *access, u64 address,
		    size_t length, void *buffer, struct outcome *out)
{
	void *memory = mmio_find(address);

	endpoint_count(endpoint, IOSIM_PEER_ACCESSES, 1);
	out->reason = IOSIM_REASON_UNSUPPORTED;
	if (!memory)
		return;
	if (!buffer || mmio_transfer(memory, buffer, length, access->write))
		out->reason = 0;
}

/* The lock of the endpoint is held. */
static void do_piece(struct iosim_endpoint *endpoint,
		     const struct iosim_access *access, struct walk *walk,
		     size_t length, void *buffer, struct outcome *out)
{
	void *memory;

	out->reason = IOSIM_REASON_MASTER;
	if (!READ_ONCE(endpoint->master))
		return;
	if (endpoint->peer && endpoint->peer(endpoint->peer_data, walk->iova)) {
		do_peer(endpoint, access, walk->iova, length, buffer, out);
		return;
	}
	walk->at = attach_find(endpoint, access->pasid, &walk->tag,
			       &out->reason);
	if (!walk->at)
		return;
	out->at = walk->at;
	out->serial = walk->at->serial;
	out->reason = vtd_translates(walk) ?
		      vtd_translate(walk, &memory, &out->code) :
		      walk_translate(walk, &memory);
	if (out->reason || !buffer)
		return;
	if (!move(memory, buffer, length, access->write))
		out->reason = IOSIM_REASON_NOT_PRESENT;
	else if (bypassed(access, walk->at))
		endpoint_count(endpoint, IOSIM_NOSNOOP, 1);
}

/**
 * access_piece - do DMA within a page
 * @endpoint: the device; its gate is held
 * @access: PASID and direction
 * @iova: first IOVA
 * @length: bytes, up to the end of the page
 * @buffer: the data, or NULL to translate only
 * @out: set to what has become of it
 */
void access_piece(struct iosim_endpoint *endpoint,
		  const struct iosim_access *access, u64 iova, size_t length,
		  void *buffer, struct outcome *out)
{
	struct walk walk = {
		.endpoint = endpoint,
		.iova = iova,
		.write = access->write,
		.privileged = access->privileged,
	};
	unsigned long flags;

	*out = (struct outcome){};
	spin_lock_irqsave(&endpoint->lock, flags);
	WRITE_ONCE(endpoint->piece, endpoint->piece + 1);
	/* Pairs with the one in iosim_endpoint_master(). */
	smp_mb();
	do_piece(endpoint, access, &walk, length, buffer, out);
	/* Who sees it sees what the piece has done. */
	smp_store_release(&endpoint->piece, endpoint->piece + 1);
	spin_unlock_irqrestore(&endpoint->lock, flags);
	if (out->reason && !out->code && endpoint->vtd.on)
		out->code = vtd_code(out->reason, access->write);
}

/**
 * iosim_endpoint_master - let a device do DMA, or none
 * @endpoint: the device
 * @on: which of the two
 *
 * In any context, with interrupts off, too. When it returns and @on is false, the device
 * does not read or write any more.
 */
void iosim_endpoint_master(struct iosim_endpoint *endpoint, bool on)
{
	u32 piece;

	WRITE_ONCE(endpoint->master, on);
	/* Either the next piece sees it, or this sees the piece. */
	smp_mb();
	/* Pairs with the end of a piece, here and below. */
	piece = smp_load_acquire(&endpoint->piece);
	if (on || !(piece & 1))
		return;
	/* A page at most, with interrupts off. */
	while (smp_load_acquire(&endpoint->piece) == piece)
		cpu_relax();
}
EXPORT_SYMBOL_GPL(iosim_endpoint_master);

/**
 * access_aborted - whether the device has given up
 * @access: its access
 *
 * Return: true if it has.
 */
bool access_aborted(const struct iosim_access *access)
{
	return access->abort && READ_ONCE(*access->abort);
}

/* Whoever is attached learns of it; there is nobody if DMA is blocked. */
static void report(struct iosim_endpoint *endpoint,
		   const struct iosim_access *access, u64 iova,
		   const struct outcome *out)
{
	const struct attachment *at = out->at;

	if (!at)
		return;
	report_fault(endpoint, at->domain, iova, access->write);
	if (at->nested && at->nested->viommu)
		viommu_report(at->nested->viommu, endpoint, access, iova,
			      out->reason);
}

/* One piece, and what follows from it. Return: 0 when it is to be done (again). */
static u32 next_piece(struct iosim_endpoint *endpoint,
		      struct iosim_access *access)
{
	u64 iova = access->iova + access->done;
	size_t length = min_t(u64, access->length - access->done,
			      TABLE_SIZE - (iova & (TABLE_SIZE - 1)));
	void *buffer = access->buffer;
	struct outcome out;
	bool request;

	if (buffer)
		buffer += access->done;
	down_read(&endpoint->gate);
	access_piece(endpoint, access, iova, length, buffer, &out);
	request = access->block && prq_possible(endpoint, &out);
	if (out.reason && !request)
		report(endpoint, access, iova, &out);
	up_read(&endpoint->gate);
	if (request)
		return prq_request(endpoint, access, iova, out.serial);
	if (!out.reason)
		access->done += length;
	access->code = out.code;
	return out.reason;
}

/**
 * iosim_access - let a device read or write memory, or translate
 * @endpoint: the device, which has not been removed
 * @access: what it does; see there
 *
 * It may sleep, without end while it waits for the answer to a page request. What
 * has been done when it fails stays done. Aligned words of 4 and 8 bytes are
 * transferred as a whole, and after what was transferred before.
 *
 * Return: 0, -EFAULT with the reason, or -ECANCELED after an abort.
 */
int iosim_access(struct iosim_endpoint *endpoint, struct iosim_access *access)
{
	access->done = 0;
	access->reason = 0;
	access->code = 0;
	access->fault_addr = 0;
	while (access->done < access->length) {
		u32 reason = access_aborted(access) ? REASON_ABORTED :
			     next_piece(endpoint, access);

		if (reason == REASON_ABORTED)
			return -ECANCELED;
		if (reason) {
			endpoint_count(endpoint, IOSIM_FAULTS, 1);
			WRITE_ONCE(endpoint->fault_code, access->code);
			access->reason = reason;
			access->fault_addr = access->iova + access->done;
			return -EFAULT;
		}
		cond_resched();
	}
	return 0;
}
EXPORT_SYMBOL_GPL(iosim_access);
