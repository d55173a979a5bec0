// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peer to peer, while the owner of the BAR has it switched off: device A reads a
 * register of device B through an IOAS. B's decoding goes off, its power goes down, it
 * is reset: A is kept out, and gets through again after that, without another map.
 */
#define _GNU_SOURCE
#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>

#include "peer.h"

#include "kselftest_harness.h"

FIXTURE(off)
{
	struct pair pair;
};

FIXTURE_VARIANT(off)
{
	bool nvme;
};

FIXTURE_VARIANT_ADD(off, edu) {};
FIXTURE_VARIANT_ADD(off, nvme) { .nvme = true };

FIXTURE_SETUP(off)
{
	int rc = pair_open(&self->pair, variant->nvme);

	if (rc == -ENODEV)
		SKIP(return, "needs two devices in groups of their own");
	ASSERT_EQ(0, rc);
	ASSERT_EQ(0, map_bar(&self->pair));
	ASSERT_EQ(1, reaches(&self->pair, BAR_IOVA));
}

FIXTURE_TEARDOWN(off)
{
	EXPECT_EQ(0, pair_close(&self->pair));
}

TEST_F(off, and_on)
{
	struct pair *pair = &self->pair;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
		/* Off already */
		ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
		EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
		ASSERT_EQ(0, vfio_decode(pair->b.fd, true));
		EXPECT_EQ(1, reaches(pair, BAR_IOVA));
	}
	EXPECT_EQ(0, rig_unmap(&pair->rig, BAR_IOVA, pair->b.length));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
}

TEST_F(off, unmapped_meanwhile)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
	EXPECT_EQ(0, rig_unmap(&pair->rig, BAR_IOVA, pair->b.length));
	/* The CPU cannot have it, so nobody can. */
	EXPECT_EQ(-EFAULT, map_bar(pair));
	ASSERT_EQ(0, vfio_decode(pair->b.fd, true));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	EXPECT_EQ(0, map_bar(pair));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
}

/* Page tables come and go. */
TEST_F(off, attached_meanwhile)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
	ASSERT_EQ(0, vfio_detach(pair->rig.edu.fd));
	ASSERT_EQ(0, rig_attach(&pair->rig));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	ASSERT_EQ(0, vfio_decode(pair->b.fd, true));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));

	ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
	ASSERT_EQ(0, vfio_detach(pair->rig.edu.fd));
	ASSERT_EQ(0, vfio_decode(pair->b.fd, true));
	ASSERT_EQ(0, rig_attach(&pair->rig));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));

	ASSERT_EQ(0, vfio_detach(pair->rig.edu.fd));
	ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
	ASSERT_EQ(0, rig_attach(&pair->rig));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	ASSERT_EQ(0, vfio_decode(pair->b.fd, true));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
}

/* A second page table, of the same IOAS. */
TEST_F(off, second_table)
{
	struct pair *pair = &self->pair;
	uint32_t hwpt;

	ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
	ASSERT_EQ(0, iommu_hwpt_alloc(pair->rig.fd, pair->rig.edu.dev_id,
				      pair->rig.ioas, 0, &hwpt));
	ASSERT_EQ(0, vfio_attach(pair->rig.edu.fd, hwpt, NULL));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	ASSERT_EQ(0, vfio_decode(pair->b.fd, true));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
}

TEST_F(off, copied_meanwhile)
{
	struct pair *pair = &self->pair;
	struct rig *rig = &pair->rig;

	ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
	ASSERT_EQ(0, iommu_copy_fixed(rig->fd, rig->ioas, rig->ioas, BAR_IOVA,
				      pair->b.length, IOMMU_RW, COPY_IOVA));
	EXPECT_EQ(1, kept_out(pair, COPY_IOVA));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	ASSERT_EQ(0, rig_unmap(rig, BAR_IOVA, pair->b.length));
	ASSERT_EQ(0, vfio_decode(pair->b.fd, true));
	EXPECT_EQ(1, reaches(pair, COPY_IOVA));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
}

TEST_F(off, unbound_meanwhile)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
	peer_close(&pair->b);
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	ASSERT_EQ(0, peer_open(&pair->b, pair->rig.fd));
	ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
	ASSERT_EQ(0, vfio_decode(pair->b.fd, true));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	EXPECT_EQ(-EEXIST, map_bar(pair));
	EXPECT_EQ(0, rig_unmap(&pair->rig, BAR_IOVA, pair->b.length));
	EXPECT_EQ(0, map_bar(pair));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
}

TEST_F(off, destroyed_meanwhile)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
	ASSERT_EQ(0, vfio_detach(pair->rig.edu.fd));
	EXPECT_EQ(0, iommu_destroy(pair->rig.fd, pair->rig.ioas));
	ASSERT_EQ(0, vfio_decode(pair->b.fd, true));
}

/* A child's mappings of it, old and new. */
TEST_F(off, nested)
{
	struct pair *pair = &self->pair;
	struct rig *rig = &pair->rig;
	uint64_t iova = BAR_IOVA;
	uint32_t child;

	ASSERT_EQ(0, iommu_alloc_nested(rig->fd, rig->ioas, &child));
	ASSERT_EQ(0, iommu_map_fixed(rig->fd, child, (void *)IOVA, PAGE,
				     IOMMU_RW, IOVA));
	ASSERT_EQ(0, iommu_map_fixed(rig->fd, child, (void *)iova,
				     pair->b.length, IOMMU_RW, BAR_IOVA));
	ASSERT_EQ(0, vfio_attach(rig->edu.fd, child, NULL));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));

	ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	ASSERT_EQ(0, iommu_map_fixed(rig->fd, child, (void *)iova,
				     pair->b.length, IOMMU_RW, COPY_IOVA));
	EXPECT_EQ(1, kept_out(pair, COPY_IOVA));
	ASSERT_EQ(0, vfio_decode(pair->b.fd, true));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
	EXPECT_EQ(1, reaches(pair, COPY_IOVA));

	ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
	ASSERT_EQ(0, iommu_ioas_unmap(rig->fd, child, COPY_IOVA,
				      pair->b.length, NULL));
	/* The parent's goes, and with it what is left in the child. */
	ASSERT_EQ(0, rig_unmap(rig, BAR_IOVA, pair->b.length));
	ASSERT_EQ(0, vfio_decode(pair->b.fd, true));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	EXPECT_EQ(1, kept_out(pair, COPY_IOVA));
}

/* Power and reset ----------------------------------------------------------- */

FIXTURE(power)
{
	struct pair pair;
};

FIXTURE_SETUP(power)
{
	int rc = pair_open(&self->pair, true);

	if (rc == -ENODEV)
		SKIP(return, "needs an nvme device");
	ASSERT_EQ(0, rc);
	ASSERT_EQ(0, map_bar(&self->pair));
	ASSERT_EQ(1, reaches(&self->pair, BAR_IOVA));
}

FIXTURE_TEARDOWN(power)
{
	EXPECT_EQ(0, pair_close(&self->pair));
}

static int set_power(int fd, uint16_t state)
{
	int at = vfio_find_capability(fd, PCI_CAP_ID_PM);

	if (at < 0)
		return at;
	return vfio_config_write(fd, at + PCI_PM_CTRL, &state, sizeof(state));
}

TEST_F(power, d3hot)
{
	struct pair *pair = &self->pair;
	int fd = pair->b.fd;

	ASSERT_EQ(0, set_power(fd, 3));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	ASSERT_EQ(0, set_power(fd, 0));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));

	/* Power alone is not enough, nor is decoding. */
	ASSERT_EQ(0, vfio_decode(fd, false));
	ASSERT_EQ(0, set_power(fd, 3));
	ASSERT_EQ(0, set_power(fd, 0));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	ASSERT_EQ(0, vfio_decode(fd, true));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
	ASSERT_EQ(0, set_power(fd, 3));
	ASSERT_EQ(0, vfio_decode(fd, true));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	ASSERT_EQ(0, set_power(fd, 0));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
}

TEST_F(power, runtime_pm)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, low_power(pair->b.fd,
			       VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	ASSERT_EQ(0, low_power(pair->b.fd, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
}

TEST_F(power, reset)
{
	struct pair *pair = &self->pair;
	int fd = pair->b.fd;

	ASSERT_EQ(0, ioctl(fd, VFIO_DEVICE_RESET));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
	/* A reset does not switch anything on. */
	ASSERT_EQ(0, vfio_decode(fd, false));
	ASSERT_EQ(0, ioctl(fd, VFIO_DEVICE_RESET));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	ASSERT_EQ(0, vfio_decode(fd, true));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
}

/* By the config space, as guests do it. */
TEST_F(power, function_level_reset)
{
	struct pair *pair = &self->pair;
	int fd = pair->b.fd, at = vfio_find_capability(fd, PCI_CAP_ID_EXP);
	uint16_t control;

	ASSERT_LE(0, at);
	ASSERT_EQ(0, vfio_config_read(fd, at + PCI_EXP_DEVCTL, &control,
				      sizeof(control)));
	control |= PCI_EXP_DEVCTL_BCR_FLR;
	ASSERT_EQ(0, vfio_config_write(fd, at + PCI_EXP_DEVCTL, &control,
				       sizeof(control)));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
}

TEST_F(power, hot_reset)
{
	struct vfio_pci_hot_reset reset = { .argsz = sizeof(reset) };
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, iommu_cmd(pair->b.fd, VFIO_DEVICE_PCI_HOT_RESET, &reset));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
}

/* All at once --------------------------------------------------------------- */

#define ROUNDS 100

struct worker {
	pthread_t thread;
	struct pair *pair;
	void (*work)(struct pair *pair, int round);
};

static atomic_bool stop;

static void *worker_run(void *arg)
{
	struct worker *worker = arg;
	int round;

	for (round = 0; !stop; round++)
		worker->work(worker->pair, round);
	return NULL;
}

/* What comes of it depends on when; that it comes to an end, and where, does not. */
static void map_and_unmap(struct pair *pair, int round)
{
	uint64_t iova = COPY_IOVA + (round % 4) * PAGE;
	void *view = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			  pair->b.fd, 0);

	/* Not touched yet */
	rig_map(&pair->rig, view, PAGE, iova);
	munmap(view, PAGE);
	rig_unmap(&pair->rig, iova, PAGE);
}

static void copy_and_unmap(struct pair *pair, int round)
{
	uint64_t iova = COPY_IOVA + (8 + round % 4) * PAGE;
	struct rig *rig = &pair->rig;

	iommu_copy_fixed(rig->fd, rig->ioas, rig->ioas, BAR_IOVA,
			 pair->b.length, IOMMU_RW, iova);
	rig_unmap(rig, iova, pair->b.length);
}

static void attach_and_detach(struct pair *pair, int round)
{
	vfio_detach(pair->rig.edu.fd);
	rig_attach(&pair->rig);
	(void)round;
}

TEST_F(off, all_at_once)
{
	struct pair *pair = &self->pair;
	struct worker workers[] = {
		{ .pair = pair, .work = map_and_unmap },
		{ .pair = pair, .work = copy_and_unmap },
		{ .pair = pair, .work = attach_and_detach },
	};
	const unsigned int rounds = mem_debug_kernel() ? ROUNDS / 5 : ROUNDS;
	unsigned int i, n = sizeof(workers) / sizeof(workers[0]);

	stop = false;
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, pthread_create(&workers[i].thread, NULL,
					    worker_run, &workers[i]));
	for (i = 0; i < rounds; i++)
		EXPECT_EQ(0, vfio_decode(pair->b.fd, i % 2));
	stop = true;
	for (i = 0; i < n; i++)
		pthread_join(workers[i].thread, NULL);

	ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
	ASSERT_EQ(0, rig_attach(&pair->rig));
	forget_faults(pair);
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	ASSERT_EQ(0, vfio_decode(pair->b.fd, true));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
}

TEST_HARNESS_MAIN
