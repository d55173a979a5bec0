// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#ifndef MFD_HUGETLB
#define MFD_HUGETLB 0x0004U
#endif
#define MFD_2MB (21U << 26)

#define PAGEMAP_PRESENT (1ULL << 63)
#define PAGEMAP_PFN ((1ULL << 55) - 1)

/* Long enough for a debug kernel under emulation, far below the harness's. */
#define WAIT_SECONDS 30

size_t mem_page(void)
{
	static size_t page;

	if (!page)
		page = sysconf(_SC_PAGESIZE);
	return page;
}

/* The number that follows "name" (and a colon, if any) in a /proc file. */
static long proc_field(const char *path, const char *name)
{
	size_t len = strlen(name);
	long val = -ENOENT;
	char line[256];
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, name, len))
			continue;
		if (line[len] != ':' && line[len] != ' ')
			continue;
		val = strtol(line + len + 1, NULL, 10);
		break;
	}
	fclose(f);
	return val;
}

long mem_pinned(void)
{
	long acquired, released;
	int fd;

	fd = open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		/* EINVAL: a counter is negative; that is for others to judge */
		if (write(fd, "1", 1) < 0 && errno != EINVAL)
			perror("stat_refresh");
		close(fd);
	}
	acquired = proc_field("/proc/vmstat", "nr_foll_pin_acquired");
	released = proc_field("/proc/vmstat", "nr_foll_pin_released");
	if (acquired < 0 || released < 0)
		return -ENOENT;
	return acquired - released;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* The kernel has no event for what is counted. */
static long wait_until(long (*count)(void), long want)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	double end = now() + WAIT_SECONDS;
	long seen;

	while ((seen = count()) != want && now() < end)
		nanosleep(&pause, NULL);
	return seen;
}

long mem_wait_pinned(long want)
{
	return wait_until(mem_pinned, want);
}

static long status_pages(pid_t pid, const char *field)
{
	char path[64];
	long kib;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	else
		snprintf(path, sizeof(path), "/proc/self/status");
	kib = proc_field(path, field);
	return kib < 0 ? kib : kib * 1024 / (long)mem_page();
}

long mem_vm_pin(pid_t pid)
{
	return status_pages(pid, "VmPin");
}

long mem_vm_lck(pid_t pid)
{
	return status_pages(pid, "VmLck");
}

static long own_vm_lck(void)
{
	return mem_vm_lck(0);
}

long mem_wait_vm_lck(long want)
{
	return wait_until(own_vm_lck, want);
}

long mem_info(const char *field)
{
	return proc_field("/proc/meminfo", field);
}

static void touch(void *p, size_t size, size_t step)
{
	volatile char *c = p;
	size_t i;

	for (i = 0; i < size; i += step)
		c[i] = 0;
}

static void *map(size_t size, int prot, int flags, int fd, off_t offset)
{
	void *p = mmap(NULL, size, prot, flags, fd, offset);

	return p == MAP_FAILED ? NULL : p;
}

void *mem_anon(size_t size)
{
	void *p = map(size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!p)
		return NULL;
	madvise(p, size, MADV_NOHUGEPAGE);
	touch(p, size, mem_page());
	return p;
}

void *mem_thp(size_t size)
{
	void *p = mem_reserve_huge(size);

	if (!p)
		return NULL;
	if (mprotect(p, size, PROT_READ | PROT_WRITE)) {
		munmap(p, size);
		return NULL;
	}
	madvise(p, size, MADV_HUGEPAGE);
	touch(p, size, mem_page());
	return p;
}

void *mem_hugetlb(size_t size)
{
	/* MAP_POPULATE does not fail when the pool is short: ask the pool */
	if (mem_info("HugePages_Free") < (long)(size / MEM_HUGE))
		return NULL;
	return map(size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (int)MFD_2MB |
		   MAP_POPULATE, -1, 0);
}

void *mem_shared(size_t size)
{
	void *p = map(size, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p)
		touch(p, size, mem_page());
	return p;
}

/* Finaliser of the splitmix64 generator: every input bit moves the output. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

/* A permutation of 0..n-1, another one in every call. */
static size_t *shuffled(size_t n)
{
	size_t *order = calloc(n, sizeof(*order));
	static uint64_t state;
	size_t i, j;

	if (!order)
		return NULL;
	state += getpid();
	for (i = 0; i < n; i++) {
		j = mix(state++) % (i + 1);
		order[i] = order[j];
		order[j] = i;
	}
	return order;
}

void *mem_scattered(size_t size)
{
	size_t n = size / mem_page(), i, *order = shuffled(n);
	char *p;

	p = order ? map(size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : NULL;
	if (p) {
		madvise(p, size, MADV_NOHUGEPAGE);
		/*
		 * The page allocator gives neighbours one after the other, or
		 * what was freed last first: so ask for them in no order.
		 */
		for (i = 0; i < n; i++)
			touch(p + order[i] * mem_page(), 1, 1);
	}
	free(order);
	return p;
}

void *mem_reserve(size_t size)
{
	return map(size, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

void *mem_reserve_huge(size_t size)
{
	uintptr_t start, aligned;
	void *p = mem_reserve(size + MEM_HUGE);

	if (!p)
		return NULL;
	start = (uintptr_t)p;
	aligned = (start + MEM_HUGE - 1) & ~(MEM_HUGE - 1);
	if (aligned > start)
		munmap(p, aligned - start);
	munmap((void *)(aligned + size), start + MEM_HUGE - aligned);
	return (void *)aligned;
}

void mem_free(void *p, size_t size)
{
	if (p)
		munmap(p, size);
}

static int memfd(size_t size, unsigned int flags)
{
	int fd = memfd_create("selftest", flags | MFD_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, size)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

int mem_memfd(size_t size, unsigned int flags)
{
	return memfd(size, flags);
}

int mem_memfd_hugetlb(size_t size)
{
	if (mem_info("HugePages_Free") < (long)(size / MEM_HUGE))
		return -ENOMEM;
	return memfd(size, MFD_HUGETLB | MFD_2MB);
}

void *mem_map_file(int fd, off_t offset, size_t size)
{
	void *p = map(size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	if (p)
		touch(p, size, mem_page());
	return p;
}

void *mem_before_hole(size_t size)
{
	size_t whole = (size + mem_page() - 1) & ~(mem_page() - 1);
	char *p = mem_anon(whole + mem_page());

	if (!p)
		return NULL;
	munmap(p + whole, mem_page());
	return p + whole - size;
}

/*
 * The word at a given index: all differ within a buffer, and between seeds.
 * One multiplication only, as emulation makes megabytes of them expensive.
 */
static uint64_t pattern(uint64_t base, size_t index)
{
	return base + index * 0x9e3779b97f4a7c15;
}

void mem_fill(void *p, size_t size, uint64_t seed)
{
	uint64_t base = mix(seed), word;
	size_t i;

	for (i = 0; i < size / 8; i++) {
		word = pattern(base, i);
		memcpy((char *)p + i * 8, &word, 8);
	}
	word = pattern(base, i);
	memcpy((char *)p + i * 8, &word, size % 8);
}

ssize_t mem_check(const void *p, size_t size, uint64_t seed)
{
	uint64_t base = mix(seed), word;
	const char *b = p;
	size_t i, j;

	for (i = 0; i < size / 8; i++) {
		word = pattern(base, i);
		if (memcmp(b + i * 8, &word, 8))
			break;
	}
	word = pattern(base, i);
	for (j = 0; j < 8 && i * 8 + j < size; j++)
		if (b[i * 8 + j] != ((char *)&word)[j])
			return i * 8 + j;
	return -1;
}

int mem_pfns(const void *p, size_t num, uint64_t *pfns)
{
	off_t at = (uintptr_t)p / mem_page() * sizeof(*pfns);
	ssize_t want = num * sizeof(*pfns), got;
	size_t i;
	int fd;

	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = pread(fd, pfns, want, at);
	close(fd);
	if (got != want)
		return -EIO;
	for (i = 0; i < num; i++)
		pfns[i] = pfns[i] & PAGEMAP_PRESENT ? pfns[i] & PAGEMAP_PFN : 0;
	return 0;
}

uint64_t mem_pfn(const void *p)
{
	uint64_t pfn;

	return mem_pfns(p, 1, &pfn) ? 0 : pfn;
}

long mem_runs(const void *p, size_t size)
{
	size_t num = size / mem_page(), i;
	uint64_t *pfns;
	long runs = 0;

	pfns = calloc(num, sizeof(*pfns));
	if (!pfns || mem_pfns(p, num, pfns)) {
		free(pfns);
		return -EIO;
	}
	for (i = 0; i < num; i++)
		runs += !i || pfns[i] != pfns[i - 1] + 1;
	free(pfns);
	return runs;
}

int mem_set_memlock(size_t memlock)
{
	struct rlimit lim = { .rlim_cur = memlock, .rlim_max = memlock };

	return setrlimit(RLIMIT_MEMLOCK, &lim) ? -errno : 0;
}

int mem_become_user(uid_t uid, size_t memlock)
{
	int rc = mem_set_memlock(memlock);

	if (rc)
		return rc;
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid))
		return -errno;
	/* Changing the user makes /proc/self root's: take it back */
	if (prctl(PR_SET_DUMPABLE, 1))
		return -errno;
	return 0;
}

bool mem_debug_kernel(void)
{
	const char *kernel = getenv("VM_KERNEL");

	return kernel && !strcmp(kernel, "debug");
}
