// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "edu.h"
#include "iommu.h"
#include "iosim.h"
#include "kill.h"

#define OWN_ATTRIBUTES "pasid_bits=8 pri=1"

struct world *world;

/* Since some time in the past. */
int64_t world_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static int open_contexts(void)
{
	unsigned int i, j;
	int rc = 0;

	for (i = 0; i < NR_CONTEXTS; i++) {
		world->contexts[i] = iommu_open();
		if (world->contexts[i] < 0)
			return world->contexts[i];
		for (j = 0; i < NR_CHECKED && j < NR_SHARED && !rc; j++)
			rc = iommu_ioas_alloc(world->contexts[i],
					      &world->shared[i][j]);
	}
	return rc;
}

static int create_numbered(const char *format, unsigned int nr,
			   const char *attributes)
{
	char name[16];

	snprintf(name, sizeof(name), format, nr);
	return iosim_create(name, attributes);
}

static int create_devices(void)
{
	unsigned int i;
	int rc;

	rc = iosim_create(PARENT, "kind=parent pasid_bits=8 pri=1") ?:
	     iosim_create(VICTIM_ENGINE, "pasid_bits=4");
	for (i = 0; i < NR_ENGINES && !rc; i++)
		rc = create_numbered(FREE_ENGINE, i, OWN_ATTRIBUTES);
	for (i = 0; i < MAX_WORKERS && !rc; i++)
		if (world->logs[i].name && !strcmp(world->logs[i].name, "checks"))
			rc = create_numbered(OWN_ENGINE, i, OWN_ATTRIBUTES);
	return rc;
}

static int remove_numbered(const char *format, unsigned int nr)
{
	char name[16];
	int rc;

	snprintf(name, sizeof(name), format, nr);
	rc = iosim_destroy(name);
	return rc == -ENOENT ? 0 : rc;
}

static int remove_devices(void)
{
	unsigned int i;
	int rc;

	rc = iosim_destroy(PARENT) ?: iosim_destroy(VICTIM_ENGINE);
	for (i = 0; i < NR_ENGINES && !rc; i++)
		rc = remove_numbered(FREE_ENGINE, i);
	for (i = 0; i < MAX_WORKERS && !rc; i++)
		rc = remove_numbered(OWN_ENGINE, i);
	return rc;
}

/**
 * world_open() - make what all processes share, before there are others
 * @seed: of all decisions
 * @seconds: how long it goes on
 *
 * world->logs[].name says already which workers there will be.
 */
int world_open(uint64_t seed, unsigned int seconds)
{
	int rc;

	world->seed = seed;
	world->seconds = seconds;
	world->nr_edus = edu_find(world->edus, MAX_EDUS);
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, world->mail))
		return -errno;
	rc = open_contexts();
	return rc ?: create_devices();
}

/* Everything is closed and removed; the devices are not in use. */
int world_close(void)
{
	unsigned int i;

	for (i = 0; i < NR_CONTEXTS; i++)
		close(world->contexts[i]);
	close(world->mail[0]);
	close(world->mail[1]);
	return remove_devices();
}

/* PCI devices ------------------------------------------------------------- */

static bool is_kind(int edu, bool alone)
{
	const struct vfio_pci *pci = &world->edus[edu];

	if (pci->cdev < 0)
		return false;
	if (alone)
		return pci->group_size == 1;
	return edu + 1 < world->nr_edus && pci->group_size == 2 &&
	       world->edus[edu + 1].group == pci->group;
}

/**
 * edu_claim() - get a PCI device for oneself
 * @worker: who wants it
 * @alone: one with a group of its own; otherwise the first of two that share one, and
 *	the other one, too
 *
 * Return: its number, or -EBUSY.
 */
int edu_claim(unsigned int worker, bool alone)
{
	uint32_t nobody;
	int i;

	for (i = 0; i < world->nr_edus; i++) {
		nobody = 0;
		if (is_kind(i, alone) &&
		    __atomic_compare_exchange_n(&world->edu_owners[i], &nobody,
						worker + 1, false,
						__ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST))
			return i;
	}
	return -EBUSY;
}

void edu_release(int edu)
{
	__atomic_store_n(&world->edu_owners[edu], 0, __ATOMIC_SEQ_CST);
}
