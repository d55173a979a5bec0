/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of every kind for test programs, and oracles that tell how much of it
 * is pinned or accounted.
 *
 * Sizes are in bytes, counts in pages of mem_page() bytes. Functions that
 * return a pointer return NULL (never MAP_FAILED) when there is no memory;
 * functions that return int return 0 (or what they say) or -errno.
 */
#ifndef SELFTESTS_LIB_MEM_H
#define SELFTESTS_LIB_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MEM_HUGE (2UL << 20)

size_t mem_page(void);

/* Oracles ---------------------------------------------------------------- */

/*
 * Pins taken and not given back on the whole machine: the kernel's two
 * counters, after their per-CPU parts were folded in (which needs root).
 * One pin of a folio counts once, whatever the folio's size.
 */
long mem_pinned(void);

/*
 * Waits until mem_pinned() is @want. Memory of a process that was killed is
 * given back after wait() returned, hence the waiting. Returns the last
 * value seen, so a test says ASSERT_EQ(want, mem_wait_pinned(want)).
 */
long mem_wait_pinned(long want);

/*
 * VmPin and VmLck of a process (0: the caller) in pages: mm->pinned_vm and
 * mm->locked_vm. Negative errno if the process has no memory any more.
 */
long mem_vm_pin(pid_t pid);
long mem_vm_lck(pid_t pid);

/*
 * As mem_wait_pinned(), for the caller's VmLck: memory that is unpinned while the
 * process's mmap lock is taken is credited a little later.
 */
long mem_wait_vm_lck(long want);

/* A field of /proc/meminfo ("HugePages_Free"), as it is there; or -errno. */
long mem_info(const char *field);

/*
 * Whether the machine runs the debug kernel, which takes its time, and keeps what is
 * freed for a while, to watch it.
 */
bool mem_debug_kernel(void);

/* Memory ----------------------------------------------------------------- */

/* Private anonymous memory in 4 KiB pages, touched. */
void *mem_anon(size_t size);
/* The same, 2 MiB-aligned and in transparent huge pages if there are any. */
void *mem_thp(size_t size);
/* Private, of the hugetlb pool (2 MiB pages), touched; NULL: pool is empty. */
void *mem_hugetlb(size_t size);
/* Shared anonymous memory, touched: fork() does not copy it. */
void *mem_shared(size_t size);
/* Private anonymous memory whose pages are nearly all physically apart. */
void *mem_scattered(size_t size);
/* Address space only: any access faults (PROT_NONE). */
void *mem_reserve(size_t size);
/* The same, 2 MiB-aligned. */
void *mem_reserve_huge(size_t size);
void mem_free(void *p, size_t size);

/* A memfd of @size; @flags as of memfd_create(2). Its descriptor, or -errno. */
int mem_memfd(size_t size, unsigned int flags);
int mem_memfd_hugetlb(size_t size);
/* A shared mapping of a file, touched. */
void *mem_map_file(int fd, off_t offset, size_t size);

/* The memory that follows @p on the next page boundary is not mapped. */
void *mem_before_hole(size_t size);

/* Contents: a pattern that depends on the seed and the offset. */
void mem_fill(void *p, size_t size, uint64_t seed);
/* The offset of the first wrong byte, or -1 if all is as mem_fill left it. */
ssize_t mem_check(const void *p, size_t size, uint64_t seed);

/* Page frame numbers (root only), 0 for a page that is not there. */
int mem_pfns(const void *p, size_t num, uint64_t *pfns);
uint64_t mem_pfn(const void *p);
/* How many physically contiguous runs make up the memory. */
long mem_runs(const void *p, size_t size);

/* Privilege -------------------------------------------------------------- */

/*
 * Becomes an ordinary user for good, with the given limit of locked memory.
 * The caller is normally a forked child.
 */
int mem_become_user(uid_t uid, size_t memlock);
int mem_set_memlock(size_t memlock);

#endif
