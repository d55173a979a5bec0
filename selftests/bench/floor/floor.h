/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * floor.h - commands of /dev/floor, the lower bound of the benchmark.
 *
 * floor.ko does to one PCI device's IOMMU domain what no map and no unmap
 * can leave out, and nothing else: it keeps no tree, checks no overlap,
 * charges no account and takes no lock. What another implementation costs
 * above it is what that implementation costs by itself.
 *
 * One process may have /dev/floor open, and uses it from one thread.
 */
#ifndef SELFTESTS_BENCH_FLOOR_H
#define SELFTESTS_BENCH_FLOOR_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Limits of one FLOOR_MAP or FLOOR_MAP_FOLIOS, in 4 KiB pages. */
#define FLOOR_MAX_PAGES		(1U << 18)

/* Limits of FLOOR_MAP_ONE: pages of one call, calls kept at a time. */
#define FLOOR_ONE_PAGES		16U
#define FLOOR_ONE_SLOTS		4096U

/**
 * struct floor_io - argument of every command but FLOOR_EMPTY
 * @iova: first I/O virtual address, page-aligned
 * @length: bytes, a multiple of the page size
 * @start: user virtual address, or offset in the file for FLOOR_MAP_FOLIOS
 * @fd: the memfd or hugetlbfs file of FLOOR_MAP_FOLIOS
 * @flags: FLOOR_TIMED, FLOOR_HUGE
 * @slot: which of the FLOOR_ONE_SLOTS small mappings is meant
 * @bar_entry: for FLOOR_MAP_BAR: bytes that each entry of the CPU's page table maps
 * @runs: out, with FLOOR_TIMED: physically contiguous runs in the mapping
 * @pin_ns: out, with FLOOR_TIMED: nanoseconds in pinning or unpinning
 * @iommu_ns: out, with FLOOR_TIMED: nanoseconds in the IOMMU API
 *
 * The unmapping commands use @iova, @length and @slot as they were mapped.
 */
struct floor_io {
	__u64 iova;
	__u64 length;
	__u64 start;
	__s32 fd;
	__u32 flags;
	__u32 slot;
	__u32 runs;
	__u64 bar_entry;
	__u64 pin_ns;
	__u64 iommu_ns;
};

/* Limit of one FLOOR_MAP_BATCH. */
#define FLOOR_BATCH		256U

/**
 * struct floor_entry - one page of a batch
 * @start: user virtual address
 * @iova: I/O virtual address
 */
struct floor_entry {
	__u64 start;
	__u64 iova;
};

/**
 * struct floor_batch - argument of FLOOR_MAP_BATCH
 * @nr: number of entries, at most FLOOR_BATCH
 * @entries: one page each
 */
struct floor_batch {
	__u32 nr;
	__u32 pad;
	struct floor_entry entries[FLOOR_BATCH];
};

/* Measure the parts of the call and report them; costs two clock readings. */
#define FLOOR_TIMED		(1U << 0)
/*
 * For FLOOR_MAP: the memory is huge pages of 2 MiB, each mapped by one entry of
 * the CPU's page table. So pin one page of each.
 */
#define FLOOR_HUGE		(1U << 1)

#define FLOOR_TYPE		0xF1

/* Nothing: what entering and leaving an ioctl costs. */
#define FLOOR_EMPTY		_IO(FLOOR_TYPE, 0)
/* Pin @start by GUP in batches, map each run. One such mapping at a time. */
#define FLOOR_MAP		_IOWR(FLOOR_TYPE, 1, struct floor_io)
/* Pin by folio through the file @fd, map each run. One mapping at a time. */
#define FLOOR_MAP_FOLIOS	_IOWR(FLOOR_TYPE, 2, struct floor_io)
/* Unmap the whole of the mapping, unpin each run or folio. */
#define FLOOR_UNMAP		_IOWR(FLOOR_TYPE, 3, struct floor_io)
/* A mapping of at most FLOOR_ONE_PAGES, its pages on the stack. */
#define FLOOR_MAP_ONE		_IOWR(FLOOR_TYPE, 4, struct floor_io)
#define FLOOR_UNMAP_ONE		_IOWR(FLOOR_TYPE, 5, struct floor_io)

/*
 * Pages that are pinned and mapped by one call, those that follow each other
 * on both sides at once; and unmapped by one call with one flush.
 */
#define FLOOR_MAP_BATCH		_IOW(FLOOR_TYPE, 6, struct floor_batch)
#define FLOOR_UNMAP_BATCH	_IO(FLOOR_TYPE, 7)
/* Map the first run of the FLOOR_MAP_ONE in @slot at @iova, too; unmap that. */
#define FLOOR_MAP_AGAIN		_IOW(FLOOR_TYPE, 8, struct floor_io)
#define FLOOR_UNMAP_AGAIN	_IOW(FLOOR_TYPE, 9, struct floor_io)

/* Look the device memory at @start up, map each run. One mapping at a time. */
#define FLOOR_MAP_BAR		_IOWR(FLOOR_TYPE, 10, struct floor_io)

#endif /* SELFTESTS_BENCH_FLOOR_H */
