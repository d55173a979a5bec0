/* SPDX-License-Identifier: GPL-2.0-only */
/* backend.h - what the benchmark measures: ways to map memory for a device. */
#ifndef SELFTESTS_BENCH_BACKEND_H
#define SELFTESTS_BENCH_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Entries of a batch. */
#define BATCH		256

/**
 * struct range - one mapping
 * @addr: user virtual address
 * @iova: I/O virtual address it is to have
 * @length: bytes
 * @fd: the file behind @addr, or -1
 * @offset: of @addr in that file
 * @huge: it is known to be huge pages of 2 MiB, mapped as such
 * @bar_entry: it is a BAR, and the CPU maps it by entries of so many bytes; else 0
 * @slot: its number among the mappings that are kept at a time
 */
struct range {
	char *addr;
	uint64_t iova;
	size_t length;
	int fd;
	uint64_t offset;
	bool huge;
	size_t bar_entry;
	unsigned int slot;
};

/**
 * struct backend - an implementation to measure
 * @name: on the command line and in the output
 * @open: get a device that is attached and ready for mappings; ends the
 *	program with a message if it cannot
 * @open_peer: open the device of peer.h so that its BAR may be mapped for the one of
 *	@open; ends the program if it cannot. Its file descriptor
 * @map: map by user address; 0 or a negative errno
 * @map_file: map by file and offset; NULL if there is no such thing
 * @by_page: @map would have to look at single pages if it were not told that
 *	they are huge: measure that, too
 * @unmap: undo either; 0 or a negative errno
 * @unmap_all: unmap everything, by one call; or NULL
 * @close: undo @open, whatever is still mapped
 * @batch_prepare: make the arguments of the next @batch_map and @batch_unmap;
 *	not measured
 * @batch_map: map the ranges that were prepared, by one call; or NULL
 * @batch_unmap: unmap them, by one call
 * @nest: map the range and have the device attached to an address space made
 *	of it; or NULL. 0 or a negative errno
 * @nested_map: map @iova of the nested address space to what the range of
 *	@nest has at @offset
 * @nested_unmap: undo that
 * @unnest: undo @nest
 * @empty: a call that does nothing, to measure the way in and out; or NULL
 * @parts: NULL, or tell how many nanoseconds of the last @map or @unmap went
 *	into pinning (or unpinning) and into the IOMMU
 *
 * @map and @unmap are inside the measured stretch: they make their ioctl and
 * nothing else.
 */
struct backend {
	const char *name;
	void (*open)(void);
	int (*open_peer)(void);
	int (*map)(const struct range *range);
	int (*map_file)(const struct range *range);
	bool by_page;
	int (*unmap)(const struct range *range);
	int (*unmap_all)(void);
	void (*close)(void);
	void (*batch_prepare)(const struct range *ranges, unsigned int nr);
	int (*batch_map)(void);
	int (*batch_unmap)(void);
	int (*nest)(const struct range *range);
	int (*nested_map)(const struct range *range);
	int (*nested_unmap)(const struct range *range);
	void (*unnest)(void);
	void (*empty)(void);
	void (*parts)(uint64_t *pin_ns, uint64_t *iommu_ns);
};

extern const struct backend backend_type1;
extern const struct backend backend_iommufd;
extern const struct backend backend_floor;
/* The floor again, its parts measured one by one, which costs a little. */
extern const struct backend backend_floor_parts;

#endif /* SELFTESTS_BENCH_BACKEND_H */
