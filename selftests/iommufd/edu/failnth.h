/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What commands whose allocations fail work on, with an edu device: a rig, memory, and
 * what is mapped of it.
 */
#ifndef SELFTESTS_FAILNTH_H
#define SELFTESTS_FAILNTH_H

#include "kselftest_harness.h"

#include "iommu.h"
#include "mem.h"
#include "rig.h"
#include "walk.h"

#define PAGE 4096UL
#define IOVA 0x40000000UL
#define OTHER_IOVA 0x80000000UL
#define SOME_LENGTH 256

struct ground {
	struct walk walk;
	struct rig rig;
	uint32_t other;		/* a second IOAS, nothing attached */
	char *mem;		/* to be mapped */
	size_t size;
	int file;		/* a memfd */
	uint32_t id;		/* of an object that a command has made */
	int fd;			/* likewise, a file */
};

static inline int ground_open(struct ground *ground, char *mem, size_t size)
{
	int rc = rig_open(&ground->rig);

	ground->walk.fd = ground->rig.fd;
	ground->mem = mem;
	ground->size = size;
	if (!rc && !mem)
		rc = -ENOMEM;
	return rc ?: iommu_ioas_alloc(ground->rig.fd, &ground->other);
}

static inline int do_map(struct ground *ground)
{
	return rig_map(&ground->rig, ground->mem, ground->size, IOVA);
}

/* Everything of the IOAS, and with it what children have of it. */
static inline int undo_map(struct ground *ground)
{
	uint64_t unmapped = 0;
	int rc;

	rc = iommu_unmap_all(ground->rig.fd, ground->rig.ioas, &unmapped);
	if (rc)
		return rc;
	return unmapped == ground->size ? 0 : -EIO;
}

#endif
