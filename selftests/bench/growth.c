// SPDX-License-Identifier: GPL-2.0-only
/*
 * growth.c - how costs grow: with what is mapped already, and with threads.
 *
 * growth_with_areas() prints, separated by tabs,
 *
 *	growth BACKEND AREAS MAP UNMAP BYTES FILL UNMAP_ALL CLOSE
 *
 * MAP and UNMAP are nanoseconds per call while AREAS mappings of 4 KiB exist,
 * with a hole between each two, at places all over them. BYTES is the memory
 * that one of them takes, FILL what mapping one took, UNMAP_ALL and CLOSE the
 * share of one in unmapping all by one call, and in closing the file
 * descriptors with all mapped.
 *
 * growth_of_memory() prints, for each kind of memory, what 1 GiB of it that is mapped takes,
 * in bytes,
 *
 *	memory BACKEND TABLES OWN TITLE
 *
 * TABLES for page tables of the IOMMU, OWN beside these. Of 256 MiB by one call, times
 * four.
 *
 * growth_with_threads() prints
 *
 *	threads BACKEND BYTES ONE TWO
 *
 * ONE and TWO are how many mappings of BYTES one and two threads together make
 * and unmap in a second of wall-clock time, each thread in a part of its own
 * of the addresses. Best of some rounds, in turn.
 */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "growth.h"
#include "memory.h"

#define IOVA_BASE	(4096 * MIB)
#define PAGE		(4 * KIB)
#define GROWTH_BUFFER	(64 * MIB)
#define PROBES		2000
#define ROUNDS		8

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/* Of "/proc/meminfo", in bytes. */
static double meminfo(const char *name)
{
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned long kib, sum = 0;
	char line[128];

	if (!file)
		err(1, "/proc/meminfo");
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)) &&
		    sscanf(line + strlen(name), ": %lu", &kib) == 1)
			sum = kib;
	fclose(file);
	return sum * 1024.0;
}

/* Area @i of many, all with a page before them that is free. */
static struct range area(const struct memory *memory, unsigned long i)
{
	return (struct range){
		.addr = memory->addr + i * PAGE % memory->length,
		.iova = IOVA_BASE + (2 * i + 1) * PAGE,
		.length = PAGE,
		.fd = -1,
	};
}

/* Map @areas; nanoseconds for each, or a negative errno. */
static double fill(const struct backend *backend, const struct memory *memory,
		   unsigned long areas)
{
	double began = now();
	struct range range;
	unsigned long i;
	int rc;

	for (i = 0; i < areas; i++) {
		range = area(memory, i);
		rc = backend->map(&range);
		if (rc)
			return rc;
	}
	return (now() - began) / areas;
}

/* What mapping and unmapping takes in the holes between @areas. */
static void probe(const struct backend *backend, const struct memory *memory,
		  unsigned long areas, double *map, double *unmap)
{
	double began, between;
	struct range range;
	unsigned long i;

	*map = 0;
	*unmap = 0;
	for (i = 0; i < PROBES; i++) {
		/* Fibonacci hashing: far apart from the last, everywhere. */
		range = area(memory, i * 2654435769UL % areas);
		range.iova -= PAGE;
		began = now();
		if (backend->map(&range))
			errx(1, "map in a hole");
		between = now();
		if (backend->unmap(&range))
			errx(1, "unmap in a hole");
		*unmap += now() - between;
		*map += between - began;
	}
	*map /= PROBES;
	*unmap /= PROBES;
}

void growth_with_areas(const struct backend *backend, unsigned long areas)
{
	struct memory memory = memory_small(GROWTH_BUFFER);
	double before, map, unmap, bytes, filled, began, all;

	backend->open();
	before = meminfo("MemAvailable");
	filled = fill(backend, &memory, areas);
	if (filled < 0) {
		printf("growth\t%s\t%lu\t-\t-\t-\t-\t-\t-\n", backend->name,
		       areas);
		goto out;
	}
	bytes = (before - meminfo("MemAvailable")) / areas;
	probe(backend, &memory, areas, &map, &unmap);
	began = now();
	if (backend->unmap_all())
		err(1, "unmap all");
	all = (now() - began) / areas;

	if (fill(backend, &memory, areas) < 0)
		err(1, "fill again");
	began = now();
	backend->close();
	printf("growth\t%s\t%lu\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\n",
	       backend->name, areas, map, unmap, bytes, filled, all,
	       (now() - began) / areas);
	memory_free(&memory);
	return;

out:
	backend->close();
	memory_free(&memory);
}

/* What the kernel has allocated, page tables apart: that is counted to the byte. */
static double own(void)
{
	FILE *file = fopen("/proc/sys/vm/stat_refresh", "w");

	if (!file || fputs("1", file) < 0 || fclose(file))
		err(1, "/proc/sys/vm/stat_refresh");
	return meminfo("Slab") + meminfo("VmallocUsed");
}

static void memory_of(const struct backend *backend, memory_kind kind,
		      const char *title)
{
	struct memory memory = kind(GIB / 4);
	const struct range range = {
		.addr = memory.addr,
		.iova = IOVA_BASE,
		.length = memory.length,
		.fd = memory.fd,
		.huge = memory.huge,
	};
	double had, tables;

	backend->open();
	had = own();
	tables = meminfo("SecPageTables");
	if (backend->map(&range))
		errx(1, "map: %s", title);
	printf("memory\t%s\t%.0f\t%.0f\t%s\n", backend->name,
	       4 * (meminfo("SecPageTables") - tables), 4 * (own() - had),
	       title);
	/* What an unmap leaves of page tables is not there for the next kind. */
	backend->close();
	memory_free(&memory);
}

void growth_of_memory(const struct backend *backend)
{
	memory_of(backend, memory_small, "4K pages, mostly contiguous");
	memory_of(backend, memory_scattered, "4K pages, scattered");
	memory_of(backend, memory_mthp_64k, "64K folios, scattered");
	memory_of(backend, memory_thp, "THP");
	memory_of(backend, memory_memfd_huge, "memfd, 2M folios");
}

struct worker {
	pthread_t thread;
	const struct backend *backend;
	struct range range;
	unsigned long done;
};

static atomic_bool stop;

static void *work(void *arg)
{
	struct worker *worker = arg;

	while (!stop) {
		if (worker->backend->map(&worker->range) ||
		    worker->backend->unmap(&worker->range))
			errx(1, "thread: %s", strerror(errno));
		worker->done++;
	}
	return NULL;
}

/* Mappings in a second by @n threads. */
static double rate(const struct backend *backend, const struct memory *memory,
		   size_t bytes, int n)
{
	struct worker workers[2] = {};
	unsigned long sum = 0;
	double began;
	int i;

	stop = false;
	for (i = 0; i < n; i++) {
		workers[i].backend = backend;
		workers[i].range = (struct range){
			.addr = memory->addr + i * memory->length / 2,
			.iova = IOVA_BASE + i * memory->length / 2,
			.length = bytes,
			.fd = -1,
		};
	}
	began = now();
	for (i = 0; i < n; i++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			errx(1, "thread");
	usleep(1000000);
	stop = true;
	for (i = 0; i < n; i++) {
		pthread_join(workers[i].thread, NULL);
		sum += workers[i].done;
	}
	return sum / (now() - began) * 1e9;
}

void growth_with_threads(const struct backend *backend)
{
	static const size_t sizes[] = { 4 * KIB, 64 * KIB, 2 * MIB };
	struct memory memory = memory_small(GROWTH_BUFFER);
	unsigned int i, round;
	double best[2], r;
	int n;

	backend->open();
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		best[0] = 0;
		best[1] = 0;
		for (round = 0; round < ROUNDS; round++) {
			for (n = 1; n <= 2; n++) {
				r = rate(backend, &memory, sizes[i], n);
				if (r > best[n - 1])
					best[n - 1] = r;
			}
		}
		printf("threads\t%s\t%zu\t%.0f\t%.0f\n", backend->name,
		       sizes[i], best[0], best[1]);
		fflush(stdout);
	}
	backend->close();
}
