// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes with devices: that end at a bad moment, that map for others, and that
 * have a limit of locked memory.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "device.h"
#include "edu.h"

/* Processes that end ----------------------------------------------------- */

#define BIG (64UL << 20)

/* The device is free, works, and nothing is pinned. */
static int aftermath(long pinned)
{
	return mem_wait_pinned(pinned) == pinned ? rig_try() : -EBUSY;
}

static void map_and_unmap_for_ever(void)
{
	char *mem = mem_anon(BIG);
	struct rig rig;

	CHILD_EQ(true, mem != NULL);
	CHILD_EQ(0, rig_open(&rig));
	CHILD_EQ(0, rig_attach(&rig));
	for (;;) {
		CHILD_EQ(0, rig_map(&rig, mem, BIG, IOVA));
		CHILD_EQ(0, rig_unmap(&rig, IOVA, BIG));
	}
}

FIXTURE(process)
{
	long pinned;
};

FIXTURE_SETUP(process)
{
	self->pinned = mem_pinned();
}

FIXTURE_TEARDOWN(process)
{
	EXPECT_EQ(0, aftermath(self->pinned));
}

/* Killed when so many pages are pinned, on the way up or down. */
TEST_F(process, killed_in_the_middle_of_a_map)
{
	static const long moments[] = { 1, 3000, 8000, 15000 };
	int status;
	size_t i;
	pid_t pid;

	for (i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			map_and_unmap_for_ever();
		while (mem_pinned() < self->pinned + moments[i]) {
			ASSERT_EQ(0, waitpid(pid, &status, WNOHANG));
		}
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
		ASSERT_EQ(0, aftermath(self->pinned));
	}
}

static void leave_all_behind(void *arg)
{
	char *mem = mem_anon(16 * PAGE);
	struct rig rig;
	uint32_t hwpt;

	(void)arg;
	CHILD_EQ(0, rig_open(&rig));
	CHILD_EQ(0, rig_attach(&rig));
	CHILD_EQ(0, rig_map(&rig, mem, 16 * PAGE, IOVA));
	if (rig_fills_ahead())
		CHILD_EQ(0, iommu_hwpt_alloc(rig.fd, rig.edu.dev_id, rig.ioas,
					     0, &hwpt));
	edu_start_write(&rig.edu, IOVA, SOME_LENGTH);
}

TEST_F(process, exit_without_cleaning_up)
{
	EXPECT_EQ(0, child_run(leave_all_behind, NULL));
}

/* Its descriptors go with the exec: so does all else. */
static void leave_all_and_exec(void *arg)
{
	leave_all_behind(arg);
	execl("/bin/true", "true", NULL);
	_exit(1);
}

/* Its descriptors stay, its memory does not. */
static void exec_with_open_files(void *arg)
{
	char *mem = mem_anon(16 * PAGE);
	struct rig rig;

	(void)arg;
	CHILD_EQ(0, rig_open(&rig));
	CHILD_EQ(0, rig_attach(&rig));
	CHILD_EQ(0, rig_map(&rig, mem, 16 * PAGE, IOVA));
	fcntl(rig.fd, F_SETFD, 0);
	fcntl(rig.edu.fd, F_SETFD, 0);
	execl("/bin/true", "true", NULL);
	_exit(1);
}

TEST_F(process, exec)
{
	if (access("/bin/true", X_OK))
		SKIP(return, "nothing to execute");
	ASSERT_EQ(0, child_run(leave_all_and_exec, NULL));
	EXPECT_EQ(0, aftermath(self->pinned));
	ASSERT_EQ(0, child_run(exec_with_open_files, NULL));
}

/* What a child mapped for a device stays mapped when the child is gone. */
static void map_for_the_parent(void *arg)
{
	struct rig *rig = arg;
	char *mem = mem_anon(16 * PAGE);

	CHILD_EQ(0, rig_map(rig, mem, 16 * PAGE, IOVA + PAGE));
}

TEST_F(device, child_maps_and_exits)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, rig_attach(rig));
	ASSERT_EQ(0, child_run(map_for_the_parent, rig));
	EXPECT_EQ(rig->pinned + 17, mem_pinned());
	/* The device copies within memory that no process has any more */
	EXPECT_EQ(0, edu_copy(&rig->edu, IOVA, IOVA + PAGE, SOME_LENGTH));
	mem_fill(self->mem, SOME_LENGTH, 3);
	EXPECT_EQ(0, edu_copy(&rig->edu, IOVA, IOVA + 5 * PAGE, SOME_LENGTH));
	memset(self->mem, 0, SOME_LENGTH);
	EXPECT_EQ(0, edu_copy(&rig->edu, IOVA + 5 * PAGE, IOVA, SOME_LENGTH));
	EXPECT_EQ(-1, mem_check(self->mem, SOME_LENGTH, 3));
	ASSERT_EQ(0, rig_unmap(rig, IOVA + PAGE, 16 * PAGE));
	EXPECT_EQ(rig->pinned + 1, mem_wait_pinned(rig->pinned + 1));
}

/* Lazily mapped by a process that is gone when the memory is wanted. */
TEST_F(device, child_maps_for_later_and_exits)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, child_run(map_for_the_parent, rig));
	EXPECT_EQ(-EFAULT, rig_attach(rig));
	EXPECT_EQ(rig->pinned, mem_pinned());
	ASSERT_EQ(0, rig_unmap(rig, IOVA + PAGE, 16 * PAGE));
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, self->mem, SOME_LENGTH));
}

/* The limit of locked memory --------------------------------------------- */

#define LIMIT_PAGES 700

FIXTURE(limit)
{
	struct vfio_pci pci[2];
	struct edu edu[2];
	uint32_t ioas[2];
	int fd[2];
	long pinned;
	uid_t uid;
	bool per_process;
	int ready[2];
	int done[2];
};

FIXTURE_VARIANT(limit)
{
	bool per_process;
	uid_t uid;
};

FIXTURE_VARIANT_ADD(limit, of_user) { .uid = 4001 };
FIXTURE_VARIANT_ADD(limit, of_process) { .uid = 4002, .per_process = true };

/* All is opened by root, who has no limit. */
FIXTURE_SETUP(limit)
{
	int i;

	self->pinned = mem_pinned();
	self->per_process = variant->per_process;
	self->uid = variant->uid;
	ASSERT_EQ(2, edu_find_alone(self->pci, 2));
	ASSERT_EQ(0, pipe(self->ready));
	ASSERT_EQ(0, pipe(self->done));
	for (i = 0; i < 2; i++) {
		self->fd[i] = iommu_open();
		ASSERT_LE(0, self->fd[i]);
		if (variant->per_process) {
			ASSERT_EQ(0, iommu_option_set(self->fd[i],
						      IOMMU_OPTION_RLIMIT_MODE,
						      0, 1));
		}
		ASSERT_EQ(0, edu_open(&self->edu[i], &self->pci[i],
				      self->fd[i]));
		ASSERT_EQ(0, iommu_ioas_alloc(self->fd[i], &self->ioas[i]));
		ASSERT_EQ(0, vfio_attach(self->edu[i].fd, self->ioas[i],
					 NULL));
	}
}

FIXTURE_TEARDOWN(limit)
{
	int i;

	for (i = 0; i < 2; i++) {
		edu_close(&self->edu[i]);
		close(self->fd[i]);
	}
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

#define limited_map(i, va, pages, iova)					\
	iommu_map_fixed(self->fd[i], self->ioas[i], va, (pages) * PAGE,	\
			IOMMU_RW, iova)

static void within_limit(void *arg)
{
	struct _test_data_limit *self = arg;
	char *mem = mem_anon(2 * LIMIT_PAGES * PAGE);
	int fd = self->fd[0];
	uint32_t other;

	CHILD_EQ(true, mem != NULL);
	CHILD_EQ(0, mem_become_user(self->uid, LIMIT_PAGES * PAGE));

	/* In the middle, with a first part within the limit */
	CHILD_EQ(-ENOMEM, limited_map(0, mem, 2 * LIMIT_PAGES, IOVA));
	CHILD_EQ(0, mem_wait_vm_lck(0));
	/* All of it was given back: exactly the limit fits */
	CHILD_EQ(0, limited_map(0, mem, LIMIT_PAGES, IOVA));
	CHILD_EQ(self->per_process ? LIMIT_PAGES : 0, mem_vm_lck(0));
	CHILD_EQ(-ENOMEM, limited_map(0, mem + LIMIT_PAGES * PAGE, 1,
				      IOVA + LIMIT_PAGES * PAGE));
	/* A copy shares the memory, so it costs nothing */
	CHILD_EQ(0, iommu_ioas_alloc(fd, &other));
	CHILD_EQ(0, iommu_copy_fixed(fd, other, self->ioas[0], IOVA,
				     LIMIT_PAGES * PAGE, IOMMU_RW, IOVA));
	CHILD_EQ(0, rig_move(self->edu[0].fd, other));
	CHILD_EQ(0, rig_move(self->edu[0].fd, self->ioas[0]));
	CHILD_EQ(0, iommu_destroy(fd, other));
	CHILD_EQ(0, iommu_ioas_unmap(fd, self->ioas[0], IOVA,
				     LIMIT_PAGES * PAGE, NULL));
	CHILD_EQ(0, mem_wait_vm_lck(0));

	/* Without a device nothing is pinned, and so nothing accounted */
	CHILD_EQ(0, vfio_detach(self->edu[0].fd));
	CHILD_EQ(0, limited_map(0, mem, 2 * LIMIT_PAGES, IOVA));
	CHILD_EQ(-ENOMEM, vfio_attach(self->edu[0].fd, self->ioas[0], NULL));
	CHILD_EQ(0, mem_wait_vm_lck(0));
	CHILD_EQ(0, iommu_unmap_all(fd, self->ioas[0], NULL));
	CHILD_EQ(0, limited_map(0, mem, LIMIT_PAGES, IOVA));
	CHILD_EQ(0, vfio_attach(self->edu[0].fd, self->ioas[0], NULL));
	CHILD_EQ(0, vfio_detach(self->edu[0].fd));
	CHILD_EQ(0, vfio_attach(self->edu[0].fd, self->ioas[0], NULL));
	CHILD_EQ(0, edu_check(&self->edu[0], IOVA, mem, SOME_LENGTH));
	/* And leaves it mapped */
}

TEST_F(limit, one_process)
{
	ASSERT_EQ(0, child_run(within_limit, self));
	EXPECT_EQ(self->pinned + LIMIT_PAGES, mem_pinned());
	ASSERT_EQ(0, iommu_unmap_all(self->fd[0], self->ioas[0], NULL));
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	/* The account is even again: the same user can do it once more */
	ASSERT_EQ(0, child_run(within_limit, self));
}

static void use_up_the_limit(void *arg)
{
	struct _test_data_limit *self = arg;
	char *mem = mem_anon(LIMIT_PAGES * PAGE), byte = 0;

	CHILD_EQ(true, mem != NULL);
	close(self->done[1]);
	CHILD_EQ(0, mem_become_user(self->uid, LIMIT_PAGES * PAGE));
	CHILD_EQ(0, limited_map(1, mem, LIMIT_PAGES, IOVA));
	CHILD_EQ(1, write(self->ready[1], &byte, 1));
	/* Until the other process has tried */
	CHILD_EQ(0, read(self->done[0], &byte, 1));
}

static void try_one_page(void *arg)
{
	struct _test_data_limit *self = arg;
	char *mem = mem_anon(PAGE);

	CHILD_EQ(true, mem != NULL);
	CHILD_EQ(0, mem_become_user(self->uid, LIMIT_PAGES * PAGE));
	CHILD_EQ(self->per_process ? 0 : -ENOMEM,
		 limited_map(0, mem, 1, IOVA));
}

/* Two processes of a user share one limit, or have one each. */
TEST_F(limit, two_processes)
{
	int status;
	char byte;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		use_up_the_limit(self);
		_exit(0);
	}
	close(self->ready[1]);
	ASSERT_EQ(1, read(self->ready[0], &byte, 1));
	EXPECT_EQ(0, child_run(try_one_page, self));
	close(self->done[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* root, or whoever has CAP_IPC_LOCK, has no limit. */
TEST_F(limit, privileged)
{
	char *mem = mem_anon(LIMIT_PAGES * PAGE);

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, mem_set_memlock(PAGE));
	EXPECT_EQ(0, limited_map(0, mem, LIMIT_PAGES, IOVA));
}

TEST_HARNESS_MAIN
