// SPDX-License-Identifier: GPL-2.0-only
/*
 * A huge page that the CPU maps by one entry is pinned by one of its pages. Who may write
 * to that one, by another mapping, and only read the others, does not get all of them for
 * a device that writes, however he moves the mappings about while they are looked at. A
 * module makes the two moments long: between the first look and the pin, and between that
 * and the second look.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folio.h"
#include "iommu.h"
#include "module.h"

#define MOMENTS "function=pin_user_pages_fast after=1 ms=800"

FIXTURE(leaf_rights)
{
	struct rig rig;
	bool loaded;
	char *at;
	char *aside;
	int rc;
};

FIXTURE_SETUP(leaf_rights)
{
	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(0, rig_attach(&self->rig));
	self->at = reserve_huge(MEM_HUGE);
	self->aside = reserve_huge(MEM_HUGE);
	ASSERT_NE(NULL, self->at);
	ASSERT_NE(NULL, self->aside);
}

FIXTURE_TEARDOWN(leaf_rights)
{
	if (self->loaded) {
		EXPECT_EQ(0, module_unload(MODULE_DELAY));
	}
	EXPECT_EQ(0, rig_close(&self->rig));
}

static void *map_it(void *arg)
{
	FIXTURE_DATA(leaf_rights) *self = arg;

	self->rc = rig_map(&self->rig, self->at, MEM_HUGE, IOVA);
	return NULL;
}

/* What the CPU has there is in its page table afterwards. */
static bool move(char *from, size_t size, char *to)
{
	if (mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		return false;
	look_at(to, size / PAGE);
	return true;
}

TEST_F(leaf_rights, one_page_is_writable)
{
	int file = large_file(MEM_HUGE);
	pthread_t thread;
	char *page;

	ASSERT_LE(0, file);
	ASSERT_NE(NULL, map_at(self->at, MEM_HUGE, PROT_READ, MAP_SHARED, file,
			       0));
	if (!is_huge(self->at, MEM_HUGE))
		SKIP(return, "no huge pages of tmpfs");
	page = mmap(NULL, PAGE, PROT_RW, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, page);
	*page = 1;

	ASSERT_EQ(0, module_load(MODULE_DELAY, MOMENTS));
	self->loaded = true;
	ASSERT_EQ(0, module_thread(&thread, map_it, self));
	module_wait(MODULE_DELAY, "hits");
	EXPECT_TRUE(move(self->at, MEM_HUGE, self->aside));
	EXPECT_TRUE(move(page, PAGE, self->at));
	*self->at = 2;
	EXPECT_EQ(0, module_parameter(MODULE_DELAY, "returns"));
	module_wait(MODULE_DELAY, "returns");
	EXPECT_TRUE(move(self->aside, MEM_HUGE, self->at));
	EXPECT_EQ(1, module_parameter(MODULE_DELAY, "hits"));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-EFAULT, self->rc);
	EXPECT_EQ(self->rig.pinned, mem_wait_pinned(self->rig.pinned));
}

/* An entry that becomes writable by the pin is still one: a fork has made it read-only. */
TEST_F(leaf_rights, private_after_fork)
{
	char *va = mem_thp(MEM_HUGE);
	pid_t pid;

	ASSERT_NE(NULL, va);
	if (!is_huge(va, MEM_HUGE))
		SKIP(return, "no huge pages");
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(0);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_EQ(0, rig_map(&self->rig, va, MEM_HUGE, IOVA));
	EXPECT_EQ(self->rig.pinned + 1, mem_pinned());
	EXPECT_EQ(0, rig_unmap(&self->rig, IOVA, MEM_HUGE));
}

TEST_HARNESS_MAIN
