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
 * enum deed_kind - what is measured beside map and unmap of memory, as "map / unmap"
 * @NO_DEED: nothing
 * @NEST: map in an IOAS that is nested in another one / unmap
 * @COPY: map memory that is mapped already, from there / unmap
 * @PIN: pin pages for a driver in the kernel / unpin; no device has them
 * @PIN_SHARED: the same; a device has them
 * @RW: a driver in the kernel reads / writes; no device has the memory
 * @RW_SHARED: the same; a device has it
 * @SECOND_DEVICE: attach a device behind an IOMMU that has the page table already / detach
 * @SECOND_TABLE: make one more page table of an IOAS / destroy it
 * @SECOND_IOMMU: attach a device behind another IOMMU / detach it
 * @REPLACE: what a device is attached to by another IOAS, with the same memory / and back
 * @REPLACE_TABLE: the same by another page table of the IOAS / and back
 * @DIRTY: read which pages are dirty, all of them being so / none being so any more
 */
enum deed_kind {
	NO_DEED, NEST, COPY, PIN, PIN_SHARED, RW, RW_SHARED, SECOND_DEVICE,
	SECOND_TABLE, SECOND_IOMMU, REPLACE, REPLACE_TABLE, DIRTY, NR_DEEDS
};

struct deed;

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
 * @deeds: what else it can do (deed.h), by enum deed_kind; NULL, or NULL in it: it cannot
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
	const struct deed *const *deeds;
	void (*empty)(void);
	void (*parts)(uint64_t *pin_ns, uint64_t *iommu_ns);
};

extern const struct backend backend_type1;
extern const struct backend backend_iommufd;
extern const struct backend backend_floor;
/* The floor again, its parts measured one by one, which costs a little. */
extern const struct backend backend_floor_parts;

#endif /* SELFTESTS_BENCH_BACKEND_H */
