// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is credited to a user is not pinned any more: others of his may pin as much at
 * once, and no more is pinned than RLIMIT_MEMLOCK allows. A module holds the moment
 * in which a mapping that has failed gives back what it had pinned.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "child.h"
#include "iommu.h"
#include "mem.h"
#include "module.h"
#include "rig.h"

#define MOMENT "function=iommufd_release_runs held=1 ms=10000"

#define PAGE 4096UL
#define AT 0x40000000UL
#define OTHER_AT 0x80000000UL
#define USER 1234
#define LIMIT 64UL
/* More than can be pinned beside what has failed */
#define SOME (LIMIT / 2)

/**
 * struct failing - a mapping that fails at its last page
 * @rig: where
 * @copied: it is memory that another IOAS has, too
 * @other: that, which no device is attached to
 * @va: as many pages as the limit allows
 * @rc: what has become of it
 */
struct failing {
	struct rig rig;
	bool copied;
	uint32_t other;
	char *va;
	int rc;
};

FIXTURE(limit)
{
	struct failing failing;
	bool loaded;
};

FIXTURE_VARIANT(limit)
{
	bool copied;
};

FIXTURE_VARIANT_ADD(limit, one_mapping) { .copied = false };
FIXTURE_VARIANT_ADD(limit, shared_memory) { .copied = true };

FIXTURE_SETUP(limit)
{
	struct failing *failing = &self->failing;

	ASSERT_EQ(0, rig_open(&failing->rig));
	ASSERT_EQ(0, rig_attach(&failing->rig));
	failing->copied = variant->copied;
	ASSERT_EQ(0, iommu_ioas_alloc(failing->rig.fd, &failing->other));
	ASSERT_EQ(0, module_load(MODULE_DELAY, MOMENT));
	self->loaded = true;
}

FIXTURE_TEARDOWN(limit)
{
	if (self->loaded) {
		EXPECT_EQ(0, module_unload(MODULE_DELAY));
	}
	EXPECT_EQ(0, rig_close(&self->failing.rig));
}

static void *fail(void *arg)
{
	struct failing *failing = arg;
	struct rig *rig = &failing->rig;

	failing->rc = failing->copied ?
		iommu_copy_fixed(rig->fd, rig->ioas, failing->other, AT,
				 LIMIT * PAGE, IOMMU_RW, AT) :
		rig_map(rig, failing->va, LIMIT * PAGE, AT);
	return NULL;
}

static void pin_beside(void *arg)
{
	struct failing *failing = arg;
	struct rig *rig = &failing->rig;
	char *some = mem_anon(SOME * PAGE);
	int held = module_open_parameter(MODULE_DELAY, "held");
	pthread_t thread;

	CHILD_EQ(0, mem_become_user(USER, LIMIT * PAGE));
	failing->va = mem_before_hole((LIMIT - 1) * PAGE);
	CHILD_EQ(0, iommu_map_fixed(rig->fd, failing->other, failing->va,
				    LIMIT * PAGE, IOMMU_RW, AT));
	CHILD_EQ(0, module_thread(&thread, fail, failing));
	module_wait(MODULE_DELAY, "hits");
	CHILD_EQ(-ENOMEM, rig_map(rig, some, SOME * PAGE, OTHER_AT));
	CHILD_EQ(1, write(held, "0", 1));
	CHILD_EQ(0, pthread_join(thread, NULL));
	CHILD_EQ(-EFAULT, failing->rc);
	/* All of it has been credited. */
	CHILD_EQ(0, rig_map(rig, some, SOME * PAGE, OTHER_AT));
	CHILD_EQ(0, rig_unmap(rig, OTHER_AT, SOME * PAGE));
}

TEST_F(limit, not_yet_unpinned)
{
	EXPECT_EQ(0, child_run(pin_beside, &self->failing));
}

TEST_HARNESS_MAIN
