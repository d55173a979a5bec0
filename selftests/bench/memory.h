/* SPDX-License-Identifier: GPL-2.0-only */
/* memory.h - the kinds of user memory that the benchmark maps. */
#ifndef SELFTESTS_BENCH_MEMORY_H
#define SELFTESTS_BENCH_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KIB	1024UL
#define MIB	(1024 * KIB)
#define GIB	(1024 * MIB)

/**
 * struct memory - touched user memory, aligned to 2 MiB
 * @addr: user virtual address
 * @length: bytes
 * @fd: the file behind a shared mapping, or -1
 * @runs: physically contiguous runs it consists of, counted in pagemap
 * @huge: it is huge pages of 2 MiB, mapped as such
 * @bar_entry: it is a BAR that the CPU maps by entries of so many bytes; else 0
 */
struct memory {
	char *addr;
	size_t length;
	int fd;
	size_t runs;
	bool huge;
	size_t bar_entry;
};

/*
 * Each of these makes @length bytes of memory of its kind, and ends the
 * program with a message when the kernel does not give that kind: a figure
 * for the wrong memory would be worse than none.
 */
typedef struct memory (*memory_kind)(size_t length);

/* 4 KiB pages touched in address order: physically contiguous mostly. */
struct memory memory_small(size_t length);
/* 4 KiB pages, no two neighbours physically adjacent. */
struct memory memory_scattered(size_t length);
/* Anonymous transparent huge pages, all of 2 MiB. */
struct memory memory_thp(size_t length);
/* Private anonymous hugetlb pages of 2 MiB. */
struct memory memory_hugetlb(size_t length);
/* A shared mapping of a memfd of 2 MiB hugetlb pages, like a VMM's RAM. */
struct memory memory_memfd_huge(size_t length);
/* A shared mapping of an ordinary memfd, of 4 KiB pages. */
struct memory memory_memfd_small(size_t length);
/* Folios of 64 KiB, no two neighbours physically adjacent. */
struct memory memory_mthp_64k(size_t length);
/* The first quarter of a memfd of 4 KiB, or 2 MiB, pages four times. */
struct memory memory_memfd_small_again(size_t length);
struct memory memory_memfd_huge_again(size_t length);

/*
 * The BAR of a device, not touched: at addresses where VFIO can fill in entries of
 * 1 GiB, of 2 MiB, and of 4 KiB only. Where mmap() puts a BAR by itself is of the last
 * kind.
 */
void memory_set_peer(int device);
struct memory memory_bar_1g(size_t length);
struct memory memory_bar_2m(size_t length);
struct memory memory_bar_4k(size_t length);
void memory_untouch(const struct memory *memory);

/* A bitmap of the pages of @length bytes of memory, all clear. */
uint64_t *memory_bitmap(size_t length);
size_t memory_bitmap_count(const uint64_t *bitmap, size_t length);
void memory_bitmap_free(uint64_t *bitmap, size_t length);

void memory_free(struct memory *memory);

#endif /* SELFTESTS_BENCH_MEMORY_H */
