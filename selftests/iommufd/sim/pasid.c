// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attach by RID+PASID: each PASID of a device is an address space of its own.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "iommu.h"
#include "load.h"
#include "mem.h"
#include "reason.h"
#include "seconds.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define SECOND "other"
#define BITS 6
#define ATTRIBUTES "pasid_bits=6"
#define NR_SPACES 3
#define NO_SUCH_ID 0x7fffff00

/* An engine by RID in one IOAS, and more IOASes for its PASIDs. */
FIXTURE(pasid)
{
	struct sim sim;
	struct sim_space space[NR_SPACES];
	uint32_t dev;
	int fd;
};

/* By our own commands, or by VFIO, as programs for newer kernels do it. */
static int own_attach(const struct sim *sim, uint32_t pasid, uint32_t pt)
{
	return iommu_pasid_attach(sim->fd, sim->engine.dev_id, pasid, pt);
}

static int own_detach(const struct sim *sim, uint32_t pasid)
{
	return iommu_pasid_detach(sim->fd, sim->engine.dev_id, pasid);
}

static int by_vfio_attach(const struct sim *sim, uint32_t pasid, uint32_t pt)
{
	return vfio_attach_pasid(sim->engine.fd, pasid, pt, NULL);
}

static int by_vfio_detach(const struct sim *sim, uint32_t pasid)
{
	return vfio_detach_pasid(sim->engine.fd, pasid);
}

FIXTURE_VARIANT(pasid)
{
	int (*attach)(const struct sim *sim, uint32_t pasid, uint32_t pt);
	int (*detach)(const struct sim *sim, uint32_t pasid);
	int none;	/* to detach what is not attached */
};

FIXTURE_VARIANT_ADD(pasid, own)
{
	.attach = own_attach,
	.detach = own_detach,
	.none = -ENOENT,
};

FIXTURE_VARIANT_ADD(pasid, vfio)
{
	.attach = by_vfio_attach,
	.detach = by_vfio_detach,
};

FIXTURE_SETUP(pasid)
{
	int i;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(&self->sim, ATTRIBUTES));
	self->fd = self->sim.fd;
	self->dev = self->sim.engine.dev_id;
	ASSERT_EQ(0, sim_attach(&self->sim, self->sim.ioas));
	for (i = 0; i < NR_SPACES; i++) {
		ASSERT_EQ(0, sim_space_open(&self->sim, &self->space[i]));
		memset(self->space[i].buf, i + 1, PAGE);
	}
}

FIXTURE_TEARDOWN(pasid)
{
	EXPECT_EQ(0, sim_close(&self->sim));
}

#define ATTACH_TO(pasid, pt) variant->attach(&self->sim, pasid, pt)
#define ATTACH(pasid, i) ATTACH_TO(pasid, self->space[i].ioas)
#define DETACH(pasid) variant->detach(&self->sim, pasid)
#define EXPECT_SEES(pasid, i)						\
	EXPECT_EQ(0, sim_space_check(&self->space[i], &self->sim.engine,	\
				     pasid))
/* Nothing is attached to it: then not even the completion arrives. */
#define EXPECT_BLIND(pasid)						\
	EXPECT_EQ(-ENODATA, sim_space_check(&self->space[0],		\
					    &self->sim.engine, pasid))
#define EXPECT_RID_SEES_ITS_OWN()					\
	do {								\
		struct dma _rid = sim_dma(&self->sim, 0);		\
									\
		EXPECT_EQ(0, dma_check(&_rid, SIM_AT, self->sim.buf));	\
	} while (0)

TEST_F(pasid, extension)
{
	EXPECT_NE(0, iommu_extension(self->fd, IOASID_EXT_PASID));
}

/* The same IOVA is other memory for each of them, and for the RID. */
TEST_F(pasid, isolation)
{
	uint32_t hw_pasid = 0, hwpt = 0;

	EXPECT_BLIND(1);
	ASSERT_EQ(0, iommu_pasid_attach_at(self->fd, self->dev, 1,
					   self->space[0].ioas, &hw_pasid,
					   &hwpt));
	EXPECT_EQ(1, hw_pasid);
	EXPECT_NE(0, hwpt);
	EXPECT_NE(self->space[0].ioas, hwpt);
	ASSERT_EQ(0, ATTACH(2, 1));
	ASSERT_EQ(0, ATTACH((1 << BITS) - 1, 2));
	EXPECT_SEES(1, 0);
	EXPECT_SEES(2, 1);
	EXPECT_SEES((1 << BITS) - 1, 2);
	EXPECT_BLIND(3);
	EXPECT_RID_SEES_ITS_OWN();
	/* What nobody has written to is as it was */
	EXPECT_EQ(2, self->space[1].buf[8]);
	EXPECT_EQ(3, self->space[2].buf[8]);

	ASSERT_EQ(0, DETACH(2));
	EXPECT_BLIND(2);
	EXPECT_SEES(1, 0);
	EXPECT_SEES((1 << BITS) - 1, 2);
	EXPECT_RID_SEES_ITS_OWN();
}

/* A PASID of the device that the IOMMU has, but the device has not. */
TEST_F(pasid, behind_the_last)
{
	EXPECT_BLIND(1 << BITS);
	EXPECT_BLIND(1 << 19);
	EXPECT_BLIND(0xffffe);
}

TEST_F(pasid, without_the_rid)
{
	ASSERT_EQ(0, vfio_detach(self->sim.engine.fd));
	ASSERT_EQ(0, ATTACH(1, 0));
	EXPECT_SEES(1, 0);
	ASSERT_EQ(0, sim_attach(&self->sim, self->sim.ioas));
	EXPECT_SEES(1, 0);
	EXPECT_RID_SEES_ITS_OWN();
	ASSERT_EQ(0, vfio_detach(self->sim.engine.fd));
	EXPECT_SEES(1, 0);
	EXPECT_EQ(-ENODATA, sim_space_check(&self->space[0], &self->sim.engine,
					    ENGINE_NO_PASID));
}

/* One page table for all: what is mapped appears everywhere, and goes. */
TEST_F(pasid, one_ioas_for_all)
{
	struct dma dma[3] = {
		sim_dma(&self->sim, 0), sim_dma_pasid(&self->sim, 1, 1),
		sim_dma_pasid(&self->sim, 2, 2),
	};
	const uint64_t at = 0x1000000;
	uint32_t first = 0, second = 0;
	int i;

	ASSERT_EQ(0, iommu_pasid_attach_at(self->fd, self->dev, 1,
					   self->sim.ioas, NULL, &first));
	ASSERT_EQ(0, iommu_pasid_attach_at(self->fd, self->dev, 2,
					   self->sim.ioas, NULL, &second));
	EXPECT_EQ(first, second);
	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->sim.ioas, self->sim.buf,
				     PAGE, IOMMU_RW, at));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, dma_check(&dma[i], at, self->sim.buf));
	}
	ASSERT_EQ(0, iommu_ioas_unmap(self->fd, self->sim.ioas, at, PAGE, NULL));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&dma[i], at, 1));
	}
}

TEST_F(pasid, all_of_them)
{
	uint32_t pasid;

	for (pasid = 1; pasid < 1 << BITS; pasid++) {
		ASSERT_EQ(0, ATTACH(pasid, pasid % NR_SPACES));
	}
	for (pasid = 1; pasid < 1 << BITS; pasid++) {
		EXPECT_SEES(pasid, pasid % NR_SPACES);
	}
	for (pasid = 1; pasid < 1 << BITS; pasid += 2) {
		ASSERT_EQ(0, DETACH(pasid));
		EXPECT_BLIND(pasid);
	}
	EXPECT_SEES(2, 2);
}

/* An HWPT that the user has made; the flag is for kernels that ask for it. */
TEST_F(pasid, hwpt)
{
	uint32_t hwpt, attached = 0;

	ASSERT_EQ(0, iommu_hwpt_alloc(self->fd, self->dev, self->space[0].ioas,
				      IOMMU_HWPT_ALLOC_PASID, &hwpt));
	ASSERT_EQ(0, vfio_attach_pasid(self->sim.engine.fd, 6, hwpt,
				       &attached));
	EXPECT_EQ(hwpt, attached);
	EXPECT_SEES(6, 0);
	ASSERT_EQ(0, vfio_detach_pasid(self->sim.engine.fd, 6));
	ASSERT_EQ(0, iommu_destroy(self->fd, hwpt));

	ASSERT_EQ(0, iommu_hwpt_alloc(self->fd, self->dev, self->space[0].ioas,
				      0, &hwpt));
	ASSERT_EQ(0, iommu_pasid_attach_at(self->fd, self->dev, 5, hwpt, NULL,
					   &attached));
	EXPECT_EQ(hwpt, attached);
	EXPECT_SEES(5, 0);
	EXPECT_EQ(-EBUSY, iommu_destroy(self->fd, hwpt));
	EXPECT_EQ(-EBUSY, iommu_destroy(self->fd, self->space[0].ioas));
	ASSERT_EQ(0, iommu_pasid_detach(self->fd, self->dev, 5));
	EXPECT_EQ(0, iommu_destroy(self->fd, hwpt));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->space[0].ioas));
}

/* The device's reserved ranges hold for an IOAS of a PASID, too. */
TEST_F(pasid, reserved_ranges)
{
	struct engine other;
	struct dma dma;

	ASSERT_EQ(0, sim_add(&self->sim, SECOND,
			     "pasid_bits=4 reserved=40000000-4000ffff",
			     &other));
	EXPECT_EQ(-EADDRINUSE,
		  iommu_pasid_attach(self->fd, other.dev_id, 1,
				     self->space[0].ioas));
	dma = sim_space_dma(&self->space[0], &other, 1);
	EXPECT_EQ(-ENODATA, dma_poke(&dma, SIM_AT, 1));
	ASSERT_EQ(0, iommu_unmap_all(self->fd, self->space[0].ioas, NULL));
	EXPECT_EQ(0, iommu_pasid_attach(self->fd, other.dev_id, 1,
					self->space[0].ioas));
	EXPECT_EQ(-EINVAL, iommu_map_fixed(self->fd, self->space[0].ioas,
					   self->space[0].buf, PAGE, IOMMU_RW,
					   SIM_AT));
	ASSERT_EQ(0, iommu_pasid_detach(self->fd, other.dev_id, 1));
	EXPECT_EQ(0, iommu_map_fixed(self->fd, self->space[0].ioas,
				     self->space[0].buf, PAGE, IOMMU_RW,
				     SIM_AT));
	ASSERT_EQ(0, sim_remove(SECOND, &other));
}

/* Replace ------------------------------------------------------------------ */

TEST_F(pasid, replace)
{
	ASSERT_EQ(0, ATTACH(1, 0));
	EXPECT_SEES(1, 0);
	ASSERT_EQ(0, ATTACH(1, 1));
	EXPECT_SEES(1, 1);
	EXPECT_EQ(0, iommu_destroy(self->fd, self->space[0].ioas));
	/* The same once more is no change */
	ASSERT_EQ(0, ATTACH(1, 1));
	EXPECT_SEES(1, 1);
	ASSERT_EQ(0, DETACH(1));
	EXPECT_EQ(variant->none, DETACH(1));
	EXPECT_BLIND(1);
}

TEST_F(pasid, failed_replace_changes_nothing)
{
	ASSERT_EQ(0, ATTACH(1, 0));
	EXPECT_EQ(-ENOENT, ATTACH_TO(1, NO_SUCH_ID));
	EXPECT_EQ(-EINVAL, ATTACH_TO(1, self->dev));
	EXPECT_SEES(1, 0);
}

#define LOAD_LENGTH (4 * PAGE)

/* A word that points to itself, read again and again: a gap would be a fault. */
#define LOOP (SIM_AT + 8 * PAGE)

static void *loop_run(void *arg)
{
	const struct iosim_desc desc = {
		.op = IOSIM_OP_CHASE,
		.src = LOOP,
		.length = 20000,
	};
	struct load *load = arg;

	while (!__atomic_load_n(&load->stop, __ATOMIC_RELAXED) && !load->rc)
		load->rc = dma_run(&load->dma, &desc);
	return NULL;
}

/* Each byte is of the old page table or of the new one; nothing faults. */
TEST_F(pasid, replace_under_load)
{
	enum { ROUNDS = 80, PASID = 9 };
	struct load load = {
		.src = SIM_AT, .length = LOAD_LENGTH,
		.may = { 0x0101010101010101, 0x0202020202020202 },
	};
	struct load loop = {};
	const uint64_t shared = 0x5000000;
	pthread_t thread, looper;
	struct dma dma;
	uint64_t seen;
	int i;

	for (i = 0; i < 2; i++) {
		memset(self->space[i].buf, i + 1, LOAD_LENGTH);
		*(uint64_t *)(self->space[i].buf + LOOP - SIM_AT) = LOOP;
		/* Where both say what they have done */
		ASSERT_EQ(0, iommu_map_fixed(self->fd, self->space[i].ioas,
					     self->sim.buf, 1 << 20, IOMMU_RW,
					     shared));
	}
	ASSERT_EQ(0, ATTACH(PASID, 0));
	load.dma = sim_dma_pasid(&self->sim, 0, PASID);
	load.dma.done = (struct iosim_completion *)self->sim.buf;
	load.dma.done_iova = shared;
	load.dst = shared + PAGE;
	load.seen = (uint64_t *)(self->sim.buf + PAGE);
	dma = load.dma;
	dma.done++;
	dma.done_iova += sizeof(*dma.done);
	loop.dma = dma;
	loop.dma.done++;
	loop.dma.done_iova += sizeof(*dma.done);
	ASSERT_EQ(0, pthread_create(&thread, NULL, load_run, &load));
	ASSERT_EQ(0, pthread_create(&looper, NULL, loop_run, &loop));
	for (i = 1; i < ROUNDS; i++) {
		EXPECT_EQ(0, ATTACH(PASID, i % 2));
		/* From here on, only the new one */
		EXPECT_EQ(0, dma_peek(&dma, SIM_AT, &seen));
		EXPECT_EQ(load.may[i % 2], seen);
	}
	load_wait(&load, 1);
	load.stop = loop.stop = true;
	pthread_join(thread, NULL);
	pthread_join(looper, NULL);
	EXPECT_EQ(0, load.rc);
	EXPECT_EQ(0, loop.rc);
}

/* Two threads that attach and detach the same PASID as they like. */
struct race {
	const FIXTURE_VARIANT(pasid) *variant;
	const struct sim *sim;
	uint32_t ioas;
	int odd;
};

static void *race_run(void *arg)
{
	struct race *race = arg;
	int i, rc;

	for (i = 0; i < 100; i++) {
		rc = race->variant->attach(race->sim, 1, race->ioas);
		if (rc)
			race->odd = rc;
		rc = race->variant->detach(race->sim, 1);
		if (rc && rc != -ENOENT)
			race->odd = rc;
	}
	return NULL;
}

TEST_F(pasid, race)
{
	struct race race[2];
	pthread_t thread[2];
	int i;

	for (i = 0; i < 2; i++) {
		race[i] = (struct race) {
			variant, &self->sim, self->space[i].ioas, 0,
		};
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, race_run,
					    &race[i]));
	}
	for (i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0, race[i].odd);
	}
	EXPECT_EQ(variant->none, DETACH(1));
	ASSERT_EQ(0, ATTACH(1, 2));
	EXPECT_SEES(1, 2);
	EXPECT_EQ(0, iommu_destroy(self->fd, self->space[0].ioas));
}

/* Bad input ---------------------------------------------------------------- */

TEST_F(pasid, out_of_range)
{
	static const uint32_t bad[] = {
		0, 1 << BITS, (1 << BITS) + 1, 1 << 20, UINT32_MAX - 1,
		UINT32_MAX,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		int rc = ATTACH(bad[i], 0);

		/* VFIO of newer kernels has a list of its own, without room for it */
		EXPECT_TRUE(rc == -EINVAL || (!variant->none && rc == -ENOSPC))
			TH_LOG("%x: %d", bad[i], rc);
		EXPECT_EQ(variant->none, DETACH(bad[i])) TH_LOG("%x", bad[i]);
	}
	EXPECT_RID_SEES_ITS_OWN();
	EXPECT_EQ(variant->none, DETACH(1));
}

TEST_F(pasid, unknown_ids)
{
	int other = iommu_open(), i;
	uint32_t foreign = 0;

	ASSERT_LE(0, other);
	for (i = 0; i < 16; i++) {
		ASSERT_EQ(0, iommu_ioas_alloc(other, &foreign));
	}
	EXPECT_EQ(-ENOENT, ATTACH_TO(1, 0));
	EXPECT_EQ(-ENOENT, ATTACH_TO(1, NO_SUCH_ID));
	EXPECT_EQ(-ENOENT, ATTACH_TO(1, foreign));
	EXPECT_EQ(-ENOENT, iommu_pasid_attach(self->fd, NO_SUCH_ID, 1,
					      self->sim.ioas));
	EXPECT_EQ(-ENOENT, iommu_pasid_attach(self->fd, self->sim.ioas, 1,
					      self->sim.ioas));
	EXPECT_EQ(-ENOENT, iommu_pasid_detach(self->fd, NO_SUCH_ID, 1));
	EXPECT_EQ(-ENOENT, iommu_pasid_detach(self->fd, self->sim.ioas, 1));
	EXPECT_EQ(-EINVAL, ATTACH_TO(1, self->dev));
	/* Another descriptor knows nothing of the device */
	EXPECT_EQ(-ENOENT, iommu_pasid_attach(other, self->dev, 1, foreign));
	EXPECT_BLIND(1);
	close(other);
}

TEST_F(pasid, sizes_and_flags)
{
	struct {
		struct ioasid_pasid_attach cmd;
		uint64_t tail;
	} arg = {
		.cmd = {
			.dev_id = self->dev,
			.pasid = 1,
			.pt_id = self->space[0].ioas,
		},
	};
	struct {
		struct ioasid_pasid_detach cmd;
		uint64_t tail;
	} detach = { .cmd = { .dev_id = self->dev, .pasid = 1 } };

	arg.cmd.size = sizeof(arg.cmd) - 4;
	EXPECT_EQ(-EINVAL, iommu_cmd(self->fd, IOASID_PASID_ATTACH, &arg));
	arg.cmd.size = sizeof(arg);
	arg.tail = 1;
	EXPECT_EQ(-E2BIG, iommu_cmd(self->fd, IOASID_PASID_ATTACH, &arg));
	arg.tail = 0;
	arg.cmd.flags = 1;
	EXPECT_EQ(-EOPNOTSUPP, iommu_cmd(self->fd, IOASID_PASID_ATTACH, &arg));
	arg.cmd.flags = 0;
	arg.cmd.__reserved = 1;
	EXPECT_EQ(-EOPNOTSUPP, iommu_cmd(self->fd, IOASID_PASID_ATTACH, &arg));
	arg.cmd.__reserved = 0;
	EXPECT_BLIND(1);
	EXPECT_EQ(0, iommu_cmd(self->fd, IOASID_PASID_ATTACH, &arg));

	detach.cmd.size = sizeof(detach.cmd) - 4;
	EXPECT_EQ(-EINVAL, iommu_cmd(self->fd, IOASID_PASID_DETACH, &detach));
	detach.cmd.size = sizeof(detach);
	detach.tail = 1;
	EXPECT_EQ(-E2BIG, iommu_cmd(self->fd, IOASID_PASID_DETACH, &detach));
	detach.tail = 0;
	detach.cmd.flags = 1U << 31;
	EXPECT_EQ(-EOPNOTSUPP, iommu_cmd(self->fd, IOASID_PASID_DETACH,
					 &detach));
	EXPECT_SEES(1, 0);
	detach.cmd.flags = 0;
	EXPECT_EQ(0, iommu_cmd(self->fd, IOASID_PASID_DETACH, &detach));
	EXPECT_BLIND(1);
}

/* The structures of VFIO have no rules for what is behind them. */
TEST_F(pasid, vfio_sizes_and_flags)
{
	struct ioasid_vfio_attach attach = {
		.argsz = sizeof(attach) - 4,
		.flags = VFIO_DEVICE_ATTACH_PASID,
		.pt_id = self->space[0].ioas,
		.pasid = 1,
	};
	struct ioasid_vfio_detach detach = {
		.argsz = sizeof(detach) - 4,
		.flags = VFIO_DEVICE_DETACH_PASID,
		.pasid = 1,
	};
	char *end = mem_anon(2 * PAGE);
	int fd = self->sim.engine.fd;

	ASSERT_NE(NULL, end);
	ASSERT_EQ(0, mprotect(end + PAGE, PAGE, PROT_NONE));
	EXPECT_EQ(-EINVAL, iommu_cmd(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT,
				     &attach));
	attach.argsz = sizeof(attach);
	attach.flags |= 1 << 1;
	EXPECT_EQ(-EINVAL, iommu_cmd(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT,
				     &attach));
	attach.flags = VFIO_DEVICE_ATTACH_PASID;
	end += PAGE - (sizeof(attach) - 4);
	memcpy(end, &attach, sizeof(attach) - 4);
	EXPECT_EQ(-EFAULT, iommu_cmd(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, end));
	EXPECT_BLIND(1);
	/* What is not asked for is not looked at */
	((struct ioasid_vfio_attach *)end)->flags = 0;
	EXPECT_EQ(0, iommu_cmd(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, end));
	EXPECT_EQ(0, iommu_cmd(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach));
	EXPECT_SEES(1, 0);

	EXPECT_EQ(-EINVAL, iommu_cmd(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT,
				     &detach));
	detach.argsz = sizeof(detach);
	detach.flags |= 1U << 31;
	EXPECT_EQ(-EINVAL, iommu_cmd(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT,
				     &detach));
	EXPECT_SEES(1, 0);
	detach.flags = VFIO_DEVICE_DETACH_PASID;
	EXPECT_EQ(0, iommu_cmd(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach));
	EXPECT_BLIND(1);
}

/* The hardware's PASID cannot be told: then nothing is attached either. */
TEST_F(pasid, cannot_answer)
{
	struct ioasid_pasid_attach *cmd = mem_anon(PAGE);

	ASSERT_NE(NULL, cmd);
	*cmd = (struct ioasid_pasid_attach) {
		.size = sizeof(*cmd),
		.dev_id = self->dev,
		.pasid = 1,
		.pt_id = self->space[0].ioas,
	};
	ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, iommu_cmd(self->fd, IOASID_PASID_ATTACH, cmd));
	EXPECT_BLIND(1);
	EXPECT_EQ(variant->none, DETACH(1));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->space[0].ioas));
}

TEST_F(pasid, device_without)
{
	char text[512] = "";
	uint32_t len = sizeof(text), error = 0;
	struct engine other;

	ASSERT_EQ(0, sim_add(&self->sim, SECOND, "", &other));
	EXPECT_EQ(-EOPNOTSUPP, iommu_pasid_attach(self->fd, other.dev_id, 1,
						  self->space[0].ioas));
	EXPECT_EQ(0, iommu_last_reason(self->fd, text, &len, &error));
	EXPECT_EQ(EOPNOTSUPP, error);
	EXPECT_NE(NULL, strstr(text, "PASID")) TH_LOG("%s", text);
	EXPECT_EQ(-EOPNOTSUPP, vfio_attach_pasid(other.fd, 1,
						 self->space[0].ioas, NULL));
	EXPECT_EQ(-EOPNOTSUPP, iommu_hwpt_alloc(self->fd, other.dev_id,
						self->space[0].ioas,
						IOMMU_HWPT_ALLOC_PASID,
						&error));
	EXPECT_EQ(0, vfio_detach_pasid(other.fd, 1));
	EXPECT_EQ(-ENOENT, iommu_pasid_detach(self->fd, other.dev_id, 1));
	EXPECT_EQ(-ENODATA, sim_space_check(&self->space[0], &other, 1));
	ASSERT_EQ(0, sim_remove(SECOND, &other));
}

/* As many as it may have, whatever it could: who unbinds it goes through all of them. */
TEST_F(pasid, most)
{
	enum { MOST = 4096 };
	struct engine other;
	uint32_t pasid;

	ASSERT_EQ(0, sim_add(&self->sim, SECOND, "pasid_bits=16", &other));
	for (pasid = 1; pasid <= MOST; pasid++)
		ASSERT_EQ(0, iommu_pasid_attach(self->fd, other.dev_id, pasid,
						self->space[0].ioas));
	EXPECT_REFUSED(self->fd, ENOSPC, "the most",
		       iommu_pasid_attach(self->fd, other.dev_id, MOST + 1,
					  self->space[0].ioas));
	EXPECT_EQ(-ENOSPC, vfio_attach_pasid(other.fd, MOST + 1,
					     self->space[0].ioas, NULL));
	/* To replace is not to have more. */
	EXPECT_EQ(0, iommu_pasid_attach(self->fd, other.dev_id, MOST,
					self->space[1].ioas));
	EXPECT_EQ(0, iommu_pasid_detach(self->fd, other.dev_id, 1));
	EXPECT_EQ(-ENOENT, iommu_pasid_attach(self->fd, other.dev_id, MOST + 1,
					      NO_SUCH_ID));
	EXPECT_EQ(0, iommu_pasid_attach(self->fd, other.dev_id, MOST + 1,
					self->space[2].ioas));
	EXPECT_EQ(0, sim_space_check(&self->space[2], &other, MOST + 1));
	EXPECT_EQ(-ENODATA, sim_space_check(&self->space[0], &other, 1));
	ASSERT_EQ(0, sim_remove(SECOND, &other));
}

/* Seconds that it takes to attach PASIDs of a device and to detach them, at best; or 0. */
static double cost(int fd, const struct engine *engine, uint32_t ioas)
{
	double start, best = 0;
	unsigned int tries;
	uint32_t pasid;

	for (tries = 0; tries < 4; tries++) {
		start = seconds_now();
		for (pasid = 1; pasid <= 64; pasid++)
			if (iommu_pasid_attach(fd, engine->dev_id, pasid, ioas) ||
			    iommu_pasid_detach(fd, engine->dev_id, pasid))
				return 0;
		if (!tries || seconds_now() - start < best)
			best = seconds_now() - start;
	}
	return best;
}

/* Each keeps by each PASID what it has reserved: who goes looks at his own. */
TEST_F(pasid, beside_very_many)
{
	enum { COST_MAX = 4 };
	const uint32_t most = mem_debug_kernel() ? 256 : 4096;
	const char *attributes = "pasid_bits=16 reserved=50000000-50000fff";
	const uint32_t ioas = self->space[0].ioas;
	struct engine one, many;
	double few, among;
	uint32_t pasid;

	ASSERT_EQ(0, sim_add(&self->sim, SECOND, attributes, &one));
	ASSERT_EQ(0, sim_add(&self->sim, "many", attributes, &many));
	/* The page table stays */
	ASSERT_EQ(0, iommu_pasid_attach(self->fd, one.dev_id, most, ioas));
	few = cost(self->fd, &one, ioas);
	for (pasid = 1; pasid <= most; pasid++)
		ASSERT_EQ(0, iommu_pasid_attach(self->fd, many.dev_id, pasid,
						ioas));
	among = cost(self->fd, &one, ioas);
	EXPECT_LT(0, among);
	EXPECT_GT(COST_MAX * few, among)
		TH_LOG("%.0f us, then %.0f us", few * 1e6, among * 1e6);
	ASSERT_EQ(0, sim_remove("many", &many));
	ASSERT_EQ(0, sim_remove(SECOND, &one));
}

/* Groups ------------------------------------------------------------------- */

/* The members of a group see the same with a PASID, whoever has attached it. */
TEST_F(pasid, shared_group)
{
	struct engine other;

	ASSERT_EQ(0, sim_add(&self->sim, SECOND, "pasid_bits=6 group=" SIM_NAME,
			     &other));
	ASSERT_EQ(0, ATTACH(1, 0));
	EXPECT_SEES(1, 0);
	/* Elsewhere is not possible; there it is */
	EXPECT_EQ(-EINVAL, iommu_pasid_attach(self->fd, other.dev_id, 1,
					      self->space[1].ioas));
	ASSERT_EQ(0, iommu_pasid_attach(self->fd, other.dev_id, 1,
					self->space[0].ioas));
	EXPECT_EQ(0, sim_space_check(&self->space[0], &other, 1));
	/* One of them moves: both do */
	ASSERT_EQ(0, ATTACH(1, 1));
	EXPECT_SEES(1, 1);
	EXPECT_EQ(0, sim_space_check(&self->space[1], &other, 1));
	/* The last one that leaves detaches the PASID */
	ASSERT_EQ(0, DETACH(1));
	EXPECT_EQ(variant->none, DETACH(1));
	EXPECT_EQ(0, sim_space_check(&self->space[1], &other, 1));
	ASSERT_EQ(0, iommu_pasid_detach(self->fd, other.dev_id, 1));
	EXPECT_EQ(-ENODATA, sim_space_check(&self->space[1], &other, 1));
	EXPECT_BLIND(1);
	/* Its PASIDs go with it, those of the others stay */
	ASSERT_EQ(0, iommu_pasid_attach(self->fd, other.dev_id, 2,
					self->space[0].ioas));
	ASSERT_EQ(0, ATTACH(3, 2));
	ASSERT_EQ(0, sim_remove(SECOND, &other));
	EXPECT_SEES(3, 2);
	EXPECT_BLIND(2);
	EXPECT_RID_SEES_ITS_OWN();
}

/* A device that comes later sees what its group has attached already, or nothing. */
TEST_F(pasid, group_grows)
{
	struct engine other;

	ASSERT_EQ(0, ATTACH(1, 0));
	ASSERT_EQ(0, sim_add(&self->sim, SECOND, "pasid_bits=6 group=" SIM_NAME,
			     &other));
	ASSERT_EQ(0, iommu_pasid_attach(self->fd, other.dev_id, 1,
					self->space[0].ioas));
	EXPECT_SEES(1, 0);
	ASSERT_EQ(0, iommu_pasid_attach(self->fd, other.dev_id, 2,
					self->space[1].ioas));
	EXPECT_EQ(0, sim_space_check(&self->space[1], &other, 2));
	ASSERT_EQ(0, sim_remove(SECOND, &other));
	EXPECT_SEES(1, 0);
}

SIM_HARNESS_MAIN
