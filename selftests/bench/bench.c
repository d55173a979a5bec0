// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench.c - what it costs to map memory for a device, and to unmap it.
 *
 * usage: bench BACKEND [CASE...]
 *        bench --profile BACKEND CASE
 *        bench --growth BACKEND AREAS...
 *        bench --memory BACKEND
 *        bench --threads BACKEND
 *
 * One line a case, fields separated by tabs:
 *
 *	row CASE BACKEND UNIT MAP UNMAP RUNS TITLE
 *
 * MAP and UNMAP are nanoseconds per UNIT, which is "page" (4 KiB, whatever
 * the size of the pages), "call" or "entry" (of a batch); "-" if the back end has no such thing.
 * RUNS is the number of physically contiguous pieces of the memory. Under
 * QEMU's "-icount shift=0" a nanosecond is an instruction. What reading the
 * clock costs is taken off.
 *
 * --profile is for selftests/bench/profile. In the last repeat, it stops the
 * machine before mapping, between that and unmapping, and after. Then it prints
 * "marked UNITS UNIT TITLE", where UNITS lie between two stops, and the
 * kernel's functions ("sym ADDRESS TYPE NAME [MODULE]"); not before, since
 * that much output changes the state of the page allocator.
 */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"
#include "deed.h"
#include "growth.h"
#include "memory.h"

#define IOVA_BASE	(4096 * MIB)
#define PAGE		(4 * KIB)
#define BUFFER		(256 * MIB)
#define BAR		(8 * GIB)
/* Page by page: the others take minutes. */
#define BAR_PART	GIB
/* What selftests/modules/access_test pins by one call is a little more. */
#define PINNED		(128 * MIB)
#define REPEATS		3

/* A profile is long: of a few huge pages at least, of little memory at most. */
#define PROFILE_BUFFER	(16 * MIB)

/* I/O port of QEMU's pvpanic device, and the bit that stops the machine. */
#define PVPANIC_PORT	0x505
#define PVPANIC_PANICKED "\x01"

/* Nanoseconds, of one run for @units units or, the best, for one unit. */
struct cost {
	double units;
	double map, unmap;
	double map_pin, map_iommu;
	double unmap_pin, unmap_iommu;
};

enum way { BY_ADDRESS, BY_FILE, BY_PAGE, OF_BAR };

/**
 * struct bench_case - one row of the table
 * @key: on the command line and in the output
 * @title: for people
 * @memory: makes the memory to map
 * @bytes: of memory
 * @call_bytes: that one call maps
 * @unit: "page", "call" or "entry"
 * @way: BY_FILE maps through the file instead of the user address; BY_PAGE
 *	does not tell that the memory is huge pages; OF_BAR takes another device
 * @run: maps and unmaps once, to be called several times for the best
 * @deed: what run_deed() does
 *
 * A new row that fits an existing @run is one line in cases[]. What is none of map and
 * unmap is a deed, see deed.h.
 */
struct bench_case {
	const char *key;
	const char *title;
	memory_kind memory;
	size_t bytes;
	size_t call_bytes;
	const char *unit;
	enum way way;
	int (*run)(const struct bench_case *row, const struct backend *backend,
		   const struct memory *memory, struct cost *cost);
	enum deed_kind deed;
};

static uint64_t clock_cost;

/* /dev/port while the repeat that is profiled runs, else -1. */
static int port = -1;

static void mark(bool here)
{
	if (port >= 0 && here &&
	    pwrite(port, PVPANIC_PANICKED, 1, PVPANIC_PORT) != 1)
		err(1, "/dev/port");
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* The least that @call takes, between two readings of the clock. */
static uint64_t cheapest(void (*call)(void))
{
	uint64_t best = UINT64_MAX;
	uint64_t began, took;
	int i;

	for (i = 0; i < 1000; i++) {
		began = now();
		call();
		took = now() - began;
		if (took < best)
			best = took;
	}
	return best;
}

static void no_call(void)
{
}

static struct range nth_range(const struct bench_case *row,
			      const struct memory *memory, unsigned int n)
{
	size_t offset = n * row->call_bytes;

	return (struct range){
		.addr = memory->addr + offset,
		.iova = IOVA_BASE + offset,
		.length = row->call_bytes,
		.fd = memory->fd,
		.offset = offset,
		.huge = memory->huge && row->way != BY_PAGE,
		.bar_entry = memory->bar_entry,
		.slot = n,
	};
}

static int timed_map(const struct bench_case *row,
		     const struct backend *backend, const struct range *range,
		     struct cost *sum)
{
	int (*map)(const struct range *) =
		row->way == BY_FILE ? backend->map_file : backend->map;
	uint64_t began, pin, iommu;
	int rc;

	began = now();
	rc = map(range);
	sum->map += now() - began - clock_cost;
	if (backend->parts) {
		backend->parts(&pin, &iommu);
		sum->map_pin += pin;
		sum->map_iommu += iommu;
	}
	return rc;
}

static int timed_unmap(const struct backend *backend,
		       const struct range *range, struct cost *sum)
{
	uint64_t began, pin, iommu;
	int rc;

	began = now();
	rc = backend->unmap(range);
	sum->unmap += now() - began - clock_cost;
	if (backend->parts) {
		backend->parts(&pin, &iommu);
		sum->unmap_pin += pin;
		sum->unmap_iommu += iommu;
	}
	return rc;
}

static unsigned int units_of_call(const struct bench_case *row)
{
	return *row->unit == 'p' ? row->call_bytes / PAGE : 1;
}

/*
 * Every range mapped, and unmapped before the next one; the last is marked.
 */
static int run_pairs(const struct bench_case *row,
		     const struct backend *backend,
		     const struct memory *memory, struct cost *sum)
{
	unsigned int n = row->bytes / row->call_bytes;
	unsigned int i;
	int rc = 0;

	for (i = 0; i < n && !rc; i++) {
		struct range range = nth_range(row, memory, i);

		mark(i == n - 1);
		rc = timed_map(row, backend, &range, sum);
		mark(i == n - 1);
		if (!rc)
			rc = timed_unmap(backend, &range, sum);
		mark(i == n - 1);
	}
	sum->units = n * units_of_call(row);
	return rc;
}

/* As run_pairs(), of a BAR that the CPU has not mapped yet. */
static int run_untouched(const struct bench_case *row,
			 const struct backend *backend,
			 const struct memory *memory, struct cost *sum)
{
	memory_untouch(memory);
	return run_pairs(row, backend, memory, sum);
}

/* All ranges mapped, then all unmapped. */
static int run_kept(const struct bench_case *row,
		    const struct backend *backend,
		    const struct memory *memory, struct cost *sum)
{
	unsigned int n = row->bytes / row->call_bytes;
	struct range range;
	unsigned int i;
	int rc = 0;

	mark(true);
	for (i = 0; i < n && !rc; i++) {
		range = nth_range(row, memory, i);
		rc = timed_map(row, backend, &range, sum);
	}
	mark(true);
	for (i = 0; i < n && !rc; i++) {
		range = nth_range(row, memory, i);
		rc = timed_unmap(backend, &range, sum);
	}
	mark(true);
	sum->units = n;
	return rc;
}

/* The ranges of batch @i, which are every @stride-th of the row's. */
static void prepare_batch(const struct bench_case *row,
			  const struct backend *backend,
			  const struct memory *memory, unsigned int i,
			  unsigned int stride)
{
	struct range ranges[BATCH];
	unsigned int k;

	for (k = 0; k < BATCH; k++)
		ranges[k] = nth_range(row, memory, (i * BATCH + k) * stride);
	backend->batch_prepare(ranges, BATCH);
}

static int timed_batch(const struct backend *backend, struct cost *sum,
		       bool last)
{
	uint64_t began;
	int rc;

	mark(last);
	began = now();
	rc = backend->batch_map();
	sum->map += now() - began - clock_cost;
	mark(last);
	if (!rc) {
		began = now();
		rc = backend->batch_unmap();
		sum->unmap += now() - began - clock_cost;
	}
	mark(last);
	return rc;
}

static int run_batches(const struct bench_case *row,
		       const struct backend *backend,
		       const struct memory *memory, struct cost *sum,
		       unsigned int stride)
{
	unsigned int n = row->bytes / row->call_bytes / stride / BATCH;
	unsigned int i;
	int rc = 0;

	if (!backend->batch_map)
		return -EOPNOTSUPP;
	for (i = 0; i < n && !rc; i++) {
		prepare_batch(row, backend, memory, i, stride);
		rc = timed_batch(backend, sum, i == n - 1);
	}
	sum->units = n * BATCH;
	return rc;
}

/* Batches of ranges with a gap after each, in user addresses and IOVAs. */
static int run_batches_apart(const struct bench_case *row,
			     const struct backend *backend,
			     const struct memory *memory, struct cost *sum)
{
	return run_batches(row, backend, memory, sum, 2);
}

/* Batches of ranges that follow each other, in user addresses and IOVAs. */
static int run_batches_adjacent(const struct bench_case *row,
				const struct backend *backend,
				const struct memory *memory, struct cost *sum)
{
	return run_batches(row, backend, memory, sum, 1);
}

/* As run_pairs(), of something else than map and unmap. */
static int run_deed(const struct bench_case *row,
		    const struct backend *backend,
		    const struct memory *memory, struct cost *sum)
{
	const struct deed *deed = backend->deeds ? backend->deeds[row->deed] :
						   NULL;
	const struct range all = {
		.addr = memory->addr,
		.iova = 2 * IOVA_BASE,
		.length = memory->length,
		.fd = -1,
	};
	struct backend doer = {};
	int rc;

	if (!deed)
		return -EOPNOTSUPP;
	rc = deed->prepare(&all);
	if (rc)
		return rc;
	doer.map = deed->run;
	doer.unmap = deed->undo;
	rc = run_pairs(row, &doer, memory, sum);
	deed->finish();
	return rc;
}

static const struct bench_case cases[] = {
	{ "4k", "4K pages, mostly contiguous",
	  memory_small, BUFFER, BUFFER, "page", BY_ADDRESS, run_pairs, NO_DEED },
	{ "scattered", "4K pages, scattered",
	  memory_scattered, BUFFER, BUFFER, "page", BY_ADDRESS, run_pairs, NO_DEED },
	{ "thp", "THP",
	  memory_thp, BUFFER, BUFFER, "page", BY_ADDRESS, run_pairs, NO_DEED },
	{ "thp-by-page", "THP, page by page",
	  memory_thp, BUFFER, BUFFER, "page", BY_PAGE, run_pairs, NO_DEED },
	{ "hugetlb", "hugetlb 2M, private",
	  memory_hugetlb, BUFFER, BUFFER, "page", BY_ADDRESS, run_pairs, NO_DEED },
	{ "hugetlb-by-page", "the same, page by page",
	  memory_hugetlb, BUFFER, BUFFER, "page", BY_PAGE, run_pairs, NO_DEED },
	{ "memfd-2m", "memfd, 2M folios",
	  memory_memfd_huge, BUFFER, BUFFER, "page", BY_ADDRESS, run_pairs, NO_DEED },
	{ "memfd-2m-file", "the same by MAP_FILE",
	  memory_memfd_huge, BUFFER, BUFFER, "page", BY_FILE, run_pairs, NO_DEED },
	{ "memfd-4k", "memfd, 4K folios",
	  memory_memfd_small, BUFFER, BUFFER, "page", BY_ADDRESS, run_pairs, NO_DEED },
	{ "one-4k", "one 4K, then its unmap",
	  memory_small, 2 * MIB, 4 * KIB, "call", BY_ADDRESS, run_pairs, NO_DEED },
	{ "one-64k", "one 64K, then its unmap",
	  memory_small, 32 * MIB, 64 * KIB, "call", BY_ADDRESS, run_pairs, NO_DEED },
	{ "kept-4k", "2000 x 4K, then 2000 unmaps",
	  memory_small, 2000 * 4 * KIB, 4 * KIB, "call", BY_ADDRESS, run_kept, NO_DEED },
	{ "batch-apart", "batch, 256 x 4K apart",
	  memory_small, 16 * MIB, 4 * KIB, "entry", BY_ADDRESS,
	  run_batches_apart, NO_DEED },
	{ "batch-adjacent", "batch, 256 x 4K adjacent",
	  memory_small, 16 * MIB, 4 * KIB, "entry", BY_ADDRESS,
	  run_batches_adjacent, NO_DEED },
	{ "scattered-1g", "1 GiB of 4K pages, scattered",
	  memory_scattered, 1024 * MIB, 1024 * MIB, "page", BY_ADDRESS,
	  run_pairs, NO_DEED },
	{ "nested-4k", "nested, one 4K, its unmap",
	  memory_small, 2 * MIB, 4 * KIB, "call", BY_ADDRESS, run_deed, NEST },
	{ "nested-scattered", "nested in scattered memory",
	  memory_scattered, 2 * MIB, 4 * KIB, "call", BY_ADDRESS, run_deed, NEST },
	{ "bar-1g", "BAR, by 1 GiB, untouched",
	  memory_bar_1g, BAR, BAR, "page", OF_BAR, run_untouched, NO_DEED },
	{ "bar-1g-again", "BAR, by 1 GiB, touched",
	  memory_bar_1g, BAR, BAR, "page", OF_BAR, run_pairs, NO_DEED },
	{ "bar-2m", "BAR, by 2 MiB, untouched",
	  memory_bar_2m, BAR, BAR, "page", OF_BAR, run_untouched, NO_DEED },
	{ "bar-2m-again", "BAR, by 2 MiB, touched",
	  memory_bar_2m, BAR, BAR, "page", OF_BAR, run_pairs, NO_DEED },
	{ "bar-4k", "BAR, unaligned, untouched",
	  memory_bar_4k, BAR_PART, BAR_PART, "page", OF_BAR, run_untouched, NO_DEED },
	{ "bar-4k-again", "BAR, unaligned, touched",
	  memory_bar_4k, BAR_PART, BAR_PART, "page", OF_BAR, run_pairs, NO_DEED },
	{ "mthp-64k", "64K folios, scattered",
	  memory_mthp_64k, BUFFER, BUFFER, "page", BY_ADDRESS, run_pairs, NO_DEED },
	{ "copy-4k", "copy, 4K pages",
	  memory_small, BUFFER, BUFFER, "page", BY_ADDRESS, run_deed, COPY },
	{ "copy-2m", "copy, memfd, 2M folios", memory_memfd_huge, BUFFER,
	  BUFFER, "page", BY_ADDRESS, run_deed, COPY },
	{ "copy-one", "copy, one 4K, its unmap", memory_small, 2 * MIB,
	  4 * KIB, "call", BY_ADDRESS, run_deed, COPY },
	{ "pin", "kernel pins 4K pages", memory_small, PINNED, PINNED, "page",
	  BY_ADDRESS, run_deed, PIN },
	{ "pin-shared", "the same, of a device", memory_small, PINNED, PINNED,
	  "page", BY_ADDRESS, run_deed, PIN_SHARED },
	{ "pin-one", "kernel pins one 4K", memory_small, 2 * MIB, 4 * KIB,
	  "call", BY_ADDRESS, run_deed, PIN },
	{ "pin-one-shared", "the same, of a device", memory_small, 2 * MIB,
	  4 * KIB, "call", BY_ADDRESS, run_deed, PIN_SHARED },
	{ "rw", "kernel reads/writes 4K", memory_small, 2 * MIB, 4 * KIB,
	  "call", BY_ADDRESS, run_deed, RW },
	{ "rw-shared", "the same, of a device", memory_small, 2 * MIB,
	  4 * KIB, "call", BY_ADDRESS, run_deed, RW_SHARED },
	{ "second-device", "second device", memory_small, BUFFER, BUFFER,
	  "call", BY_ADDRESS, run_deed, SECOND_DEVICE },
	{ "second-table", "second page table", memory_small, BUFFER, BUFFER,
	  "page", BY_ADDRESS, run_deed, SECOND_TABLE },
	{ "second-iommu", "second IOMMU", memory_small, BUFFER, BUFFER,
	  "page", BY_ADDRESS, run_deed, SECOND_IOMMU },
	{ "replace", "replace by another IOAS", memory_small, BUFFER, BUFFER,
	  "page", BY_ADDRESS, run_deed, REPLACE },
	{ "replace-table", "replace by a page table", memory_small, BUFFER,
	  BUFFER, "call", BY_ADDRESS, run_deed, REPLACE_TABLE },
	{ "dirty-4k", "dirty/clean 1 GiB by 4K", memory_memfd_small_again, GIB,
	  GIB, "page", BY_ADDRESS, run_deed, DIRTY },
	{ "dirty-2m", "dirty/clean 1 GiB by 2M", memory_memfd_huge_again, GIB,
	  GIB, "page", BY_ADDRESS, run_deed, DIRTY },
};

static const struct backend *const backends[] = {
	&backend_type1, &backend_iommufd, &backend_floor, &backend_floor_parts,
};

static double least(double a, double b)
{
	return a < b ? a : b;
}

/* Take into @best what is better in @sum. */
static void keep_best(struct cost *best, const struct cost *sum)
{
	double units = sum->units;

	best->map = least(best->map, sum->map / units);
	best->unmap = least(best->unmap, sum->unmap / units);
	best->map_pin = least(best->map_pin, sum->map_pin / units);
	best->map_iommu = least(best->map_iommu, sum->map_iommu / units);
	best->unmap_pin = least(best->unmap_pin, sum->unmap_pin / units);
	best->unmap_iommu = least(best->unmap_iommu, sum->unmap_iommu / units);
}

static void print_row(const struct bench_case *row,
		      const struct backend *backend, const struct cost *cost,
		      const struct memory *memory)
{
	printf("row\t%s\t%s\t%s\t%.4f\t%.4f\t%zu\t%s\n", row->key,
	       backend->name, row->unit, cost->map, cost->unmap, memory->runs,
	       row->title);
	if (backend->parts)
		printf("parts\t%s\t%s\t%.2f\t%.2f\t%.2f\t%.2f\t%s\n", row->key,
		       row->unit, cost->map_pin, cost->map_iommu,
		       cost->unmap_iommu, cost->unmap_pin, row->title);
	fflush(stdout);
}

/* The memory of a row; the device that has it is opened when it is needed first. */
static struct memory make_memory(const struct bench_case *row,
				 const struct backend *backend)
{
	static int peer = -1;

	if (row->way == OF_BAR && peer < 0) {
		peer = backend->open_peer();
		memory_set_peer(peer);
	}
	return row->memory(row->bytes);
}

/* What is wrong if a peer cannot do a thing at all. */
static bool is_missing(const struct bench_case *row, int rc)
{
	return rc == -EOPNOTSUPP || rc == -ENOTTY ||
	       (row->way == OF_BAR && rc == -EFAULT);
}

/* A BAR of gigabytes takes some peers a minute: once, or once more when it is touched. */
static int repeats(const struct bench_case *row)
{
	if (row->way != OF_BAR)
		return REPEATS;
	return row->run == run_untouched ? 1 : 2;
}

static void measure(const struct bench_case *row,
		    const struct backend *backend)
{
	struct memory memory = make_memory(row, backend);
	struct cost best = { 1, 1e30, 1e30, 1e30, 1e30, 1e30, 1e30 };
	int rc = row->way == BY_FILE && !backend->map_file ? -EOPNOTSUPP : 0;
	int i;

	for (i = 0; i < repeats(row) && !rc; i++) {
		struct cost sum = {};

		rc = row->run(row, backend, &memory, &sum);
		keep_best(&best, &sum);
	}
	if (is_missing(row, rc))
		printf("row\t%s\t%s\t%s\t-\t-\t%zu\t%s\n", row->key,
		       backend->name, row->unit, memory.runs, row->title);
	else if (rc)
		errx(1, "%s: %s", row->key, strerror(-rc));
	else
		print_row(row, backend, &best, &memory);
	memory_free(&memory);
}

static void print_symbols(void)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[512], type;

	if (!file)
		err(1, "/proc/kallsyms");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %c", &type) == 1 &&
		    strchr("tw", tolower(type)))
			printf("sym %s", line);
	fclose(file);
}

/* Let the caches fill by a repeat, then do one with the marks on. */
static void profile(struct bench_case row, const struct backend *backend)
{
	struct cost ignored = {};
	struct memory memory;
	double units;
	int rc, fd;

	if (row.bytes > PROFILE_BUFFER && row.bytes != BAR)
		row.bytes = PROFILE_BUFFER;
	if (row.call_bytes > row.bytes)
		row.call_bytes = row.bytes;
	memory = make_memory(&row, backend);
	fd = open("/dev/port", O_RDWR);
	if (fd < 0)
		err(1, "/dev/port");

	rc = row.run(&row, backend, &memory, &ignored);
	port = fd;
	if (!rc)
		rc = row.run(&row, backend, &memory, &ignored);
	if (rc)
		errx(1, "%s: %s", row.key, strerror(-rc));
	units = row.run == run_kept ? ignored.units :
		*row.unit == 'e' ? BATCH : units_of_call(&row);
	printf("marked %.0f %s %s\n", units, row.unit, row.title);
	print_symbols();
}

/* Rows that take a larger machine have to be asked for. */
static bool chosen(const struct bench_case *row, const struct backend *backend,
		   char **keys)
{
	if (row->way == BY_PAGE && !backend->by_page)
		return false;
	if (!*keys)
		return row->bytes <= BUFFER || row->way == OF_BAR ||
		       row->deed;
	for (; *keys; keys++)
		if (!strcmp(row->key, *keys))
			return true;
	return false;
}

static void print_empty(const struct backend *backend)
{
	if (backend->empty)
		printf("parts\tempty\tcall\t%llu\t0\t0\t0\tan empty ioctl\n",
		       (unsigned long long)(cheapest(backend->empty) -
					    clock_cost));
}

/*
 * No limit on locked memory, but no permission to exceed one either: with
 * CAP_IPC_LOCK an implementation may leave out the accounting that it would
 * do for an ordinary user.
 */
static void be_accountable(void)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (setrlimit(RLIMIT_MEMLOCK, &unlimited))
		err(1, "setrlimit");
	if (syscall(SYS_capget, &header, data))
		err(1, "capget");
	data[CAP_TO_INDEX(CAP_IPC_LOCK)].effective &=
		~CAP_TO_MASK(CAP_IPC_LOCK);
	if (syscall(SYS_capset, &header, data))
		err(1, "capset");
}

/*
 * A machine that has just booted may have no random numbers yet, and a kernel
 * without them takes 13,000 instructions more for every new slab, whose list
 * of free objects it shuffles. Machines that have been up for a minute don't.
 */
static void seed_random(void)
{
	struct {
		struct rand_pool_info info;
		char bytes[64];
	} seed = { .info = { .entropy_count = 512, .buf_size = 64 } };
	int fd = open("/dev/random", O_RDWR);

	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &seed))
		err(1, "/dev/random");
	close(fd);
}

static void run_cases(const struct backend *backend, char **keys,
		      bool profiling)
{
	size_t i;

	clock_cost = cheapest(no_call);
	backend->open();
	print_empty(backend);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (!chosen(&cases[i], backend, keys))
			continue;
		if (profiling)
			profile(cases[i], backend);
		else
			measure(&cases[i], backend);
	}
}

int main(int argc, char **argv)
{
	const struct backend *backend = NULL;
	const char *option = "";
	size_t i;

	if (argc > 1 && argv[1][0] == '-')
		option = *++argv;
	argv++;
	for (i = 0; i < sizeof(backends) / sizeof(*backends); i++)
		if (*argv && !strcmp(backends[i]->name, *argv))
			backend = backends[i];
	if (!backend)
		errx(2, "usage: bench [OPTION] type1|iommufd|floor|floor-parts [CASE...]");
	argv++;

	be_accountable();
	seed_random();
	if (!strcmp(option, "--threads"))
		growth_with_threads(backend);
	else if (!strcmp(option, "--memory"))
		growth_of_memory(backend);
	else if (!strcmp(option, "--growth"))
		for (; *argv; argv++)
			growth_with_areas(backend, strtoul(*argv, NULL, 0));
	else
		run_cases(backend, argv, !strcmp(option, "--profile"));
	return 0;
}
