// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that can only be reset together, whose VFIO files have a lock in common. Who has
 * it may be closing one of them, and waits for the commands that work with that one: so none
 * of these may be waiting for the lock.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edu.h"
#include "iommu.h"
#include "kselftest_harness.h"
#include "vfio.h"

#define MAX_DEVICES 16
#define ROUNDS 10
#define ATTACHES 100
#define LONG_MS 20000

/* Two functions of a device below a bridge. */
static int find_set(struct vfio_pci set[2])
{
	struct vfio_pci all[MAX_DEVICES];
	int nr = edu_find(all, MAX_DEVICES), i, j;

	for (i = 0; i < nr; i++) {
		if (!strncmp(all[i].bdf, "0000:00:", 8) || all[i].cdev < 0)
			continue;
		for (j = i + 1; j < nr; j++) {
			if (strncmp(all[i].bdf, all[j].bdf, 10) ||
			    all[j].cdev < 0)
				continue;
			set[0] = all[i];
			set[1] = all[j];
			return 0;
		}
	}
	return -1;
}

/**
 * struct work - one device is attached to the other one, again and again
 * @edu: the devices
 * @attaches: how often
 * @rc: what the last one has returned
 */
struct work {
	struct edu edu[2];
	int attaches;
	int rc;
};

static void *attach_to_it(void *arg)
{
	struct work *work = arg;

	do {
		work->rc = vfio_attach(work->edu[0].fd, work->edu[1].dev_id,
				       NULL);
		__atomic_add_fetch(&work->attaches, 1, __ATOMIC_RELEASE);
	} while (work->rc == -EINVAL);
	return NULL;
}

/* Exits with 0 when that has been refused all the time, as long as there was the other. */
static void close_it_meanwhile(const struct vfio_pci *set)
{
	struct work work = {};
	pthread_t thread;
	int fd = iommu_open();

	if (edu_open(&work.edu[0], &set[0], fd) ||
	    edu_open(&work.edu[1], &set[1], fd) ||
	    pthread_create(&thread, NULL, attach_to_it, &work))
		_exit(2);
	while (__atomic_load_n(&work.attaches, __ATOMIC_ACQUIRE) < ATTACHES)
		sched_yield();
	edu_close(&work.edu[1]);
	pthread_join(thread, NULL);
	_exit(work.rc != -ENOENT);
}

TEST(close_what_another_is_attached_to)
{
	struct vfio_pci set[2];
	int round, status;

	if (find_set(set))
		SKIP(return, "needs two functions of a device below a bridge");
	for (round = 0; round < ROUNDS; round++) {
		pid_t pid = fork();
		struct pollfd end = { .events = POLLIN };

		if (!pid)
			close_it_meanwhile(set);
		end.fd = syscall(SYS_pidfd_open, pid, 0);
		/* Nothing would end it: not even a signal */
		ASSERT_EQ(1, poll(&end, 1, LONG_MS));
		close(end.fd);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_EQ(0, status);
	}
}

/* What VFIO says of both functions, by the IDs that they have here. */
struct reset_info {
	struct vfio_pci_hot_reset_info head;
	struct vfio_pci_dependent_device device[2];
};

static int reset_info(int fd, struct reset_info *info)
{
	memset(info, 0, sizeof(*info));
	info->head.argsz = sizeof(*info);
	return iommu_cmd(fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info);
}

/* Who has bound all that a reset concerns may reset it; the rest of a group counts as his. */
TEST(who_may_reset_them)
{
	const uint32_t id = VFIO_PCI_HOT_RESET_FLAG_DEV_ID;
	const uint32_t owned = VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED;
	struct vfio_pci_hot_reset reset = { .argsz = sizeof(reset) };
	struct reset_info info;
	struct vfio_pci set[2];
	struct edu edu[2];
	int fd = iommu_open();
	bool together;

	if (find_set(set))
		SKIP(return, "needs two functions of a device below a bridge");
	ASSERT_LE(0, fd);
	together = set[0].group == set[1].group;
	ASSERT_EQ(0, edu_open(&edu[0], &set[0], fd));
	ASSERT_EQ(0, reset_info(edu[0].fd, &info));
	EXPECT_EQ(together ? id | owned : id, info.head.flags);
	ASSERT_EQ(2, info.head.count);
	EXPECT_EQ(edu[0].dev_id, info.device[0].devid);
	EXPECT_EQ(together ? VFIO_PCI_DEVID_OWNED : VFIO_PCI_DEVID_NOT_OWNED,
		  (int)info.device[1].devid);
	EXPECT_EQ(together ? 0 : -EINVAL,
		  iommu_cmd(edu[0].fd, VFIO_DEVICE_PCI_HOT_RESET, &reset));

	ASSERT_EQ(0, edu_open(&edu[1], &set[1], fd));
	ASSERT_EQ(0, reset_info(edu[0].fd, &info));
	EXPECT_EQ(id | owned, info.head.flags);
	EXPECT_EQ(edu[0].dev_id, info.device[0].devid);
	EXPECT_EQ(edu[1].dev_id, info.device[1].devid);
	EXPECT_EQ(0, iommu_cmd(edu[1].fd, VFIO_DEVICE_PCI_HOT_RESET, &reset));
	edu_close(&edu[1]);
	edu_close(&edu[0]);
	close(fd);
}

TEST_HARNESS_MAIN
