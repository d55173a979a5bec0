// SPDX-License-Identifier: GPL-2.0-only
/* IOASID_DEVICE_INFO: what is true of a device, and who else it cannot be told from. */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "edu.h"
#include "fault.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define SECOND "other"
#define NO_SUCH_ID 0x7fffff00
#define MAX_MEMBERS 8

/* What DEVICE_INFO says, with room for some members. */
struct answer {
	struct ioasid_device_info info;
	struct ioasid_device_member members[MAX_MEMBERS];
};

static int ask(int fd, uint32_t dev, uint32_t room, struct answer *answer)
{
	memset(answer, 0xff, sizeof(*answer));
	answer->info = (struct ioasid_device_info) {
		.members = iommu_ptr(answer->members),
		.nr_members = room,
	};
	return iommu_device_info(fd, dev, &answer->info);
}

static uint32_t rid_of(const char *bdf)
{
	unsigned int segment = 0, bus = 0, slot = 0, function = 0;

	sscanf(bdf, "%x:%x:%x.%x", &segment, &bus, &slot, &function);
	return segment << 16 | bus << 8 | slot << 3 | function;
}

/* PCI devices of the machine --------------------------------------------------- */

TEST(pci)
{
	struct answer answer;
	struct rig rig;
	uint32_t hwpt;

	ASSERT_EQ(0, rig_open(&rig));
	EXPECT_NE(0, iommu_extension(rig.fd, IOASID_EXT_DEVICE_INFO));
	ASSERT_EQ(0, ask(rig.fd, rig.edu.dev_id, MAX_MEMBERS, &answer));
	/* Nothing that these devices and IOMMUs do not have, or we cannot use */
	EXPECT_EQ(0, answer.info.out_flags & ~IOASID_DEVICE_COHERENT);
	EXPECT_EQ(rid_of(rig.edu.pci.bdf), answer.info.rid);
	EXPECT_EQ(rig.edu.pci.group, answer.info.group_id);
	EXPECT_EQ(0, answer.info.hw_pasid);
	EXPECT_EQ(0, answer.info.max_pasid);
	EXPECT_EQ(PAGE, answer.info.page_sizes & PAGE);
	EXPECT_EQ(0, answer.info.page_sizes & (PAGE - 1));
	EXPECT_EQ(0, answer.info.aperture_start);
	if (rig_fills_ahead()) {
		EXPECT_LE((1ULL << 32) - 1, answer.info.aperture_last);
	} else {
		EXPECT_EQ(0, answer.info.aperture_last);
	}
	EXPECT_EQ(0, answer.info.pt_id);
	EXPECT_EQ(1, answer.info.nr_members);
	EXPECT_EQ(rig.edu.dev_id, answer.members[0].dev_id);
	EXPECT_EQ(answer.info.rid, answer.members[0].rid);
	EXPECT_STREQ(rig.edu.pci.bdf, (char *)answer.members[0].name);

	ASSERT_EQ(0, vfio_attach(rig.edu.fd, rig.ioas, &hwpt));
	ASSERT_EQ(0, ask(rig.fd, rig.edu.dev_id, MAX_MEMBERS, &answer));
	EXPECT_EQ(IOASID_DEVICE_ATTACHED,
		  answer.info.out_flags & IOASID_DEVICE_ATTACHED);
	EXPECT_EQ(hwpt, answer.info.pt_id);
	ASSERT_EQ(0, vfio_detach(rig.edu.fd));
	ASSERT_EQ(0, ask(rig.fd, rig.edu.dev_id, MAX_MEMBERS, &answer));
	EXPECT_EQ(0, answer.info.out_flags & IOASID_DEVICE_ATTACHED);
	EXPECT_EQ(0, answer.info.pt_id);
	EXPECT_EQ(0, rig_close(&rig));
}

/* A group of two: both are told, bound or not. */
TEST(pci_group)
{
	struct vfio_pci pair[2];
	struct answer answer;
	struct edu edu[2];
	int fd = iommu_open(), i, at;

	ASSERT_EQ(0, edu_find_pair(pair));
	ASSERT_EQ(0, edu_open(&edu[0], &pair[0], fd));
	for (i = 0; i < 2; i++) {
		if (i) {
			ASSERT_EQ(0, edu_open(&edu[1], &pair[1], fd));
		}
		ASSERT_EQ(0, ask(fd, edu[0].dev_id, MAX_MEMBERS, &answer));
		ASSERT_EQ(2, answer.info.nr_members);
		at = answer.members[0].rid != rid_of(pair[0].bdf);
		EXPECT_EQ(rid_of(pair[0].bdf), answer.members[at].rid);
		EXPECT_EQ(rid_of(pair[1].bdf), answer.members[!at].rid);
		EXPECT_STREQ(pair[0].bdf, (char *)answer.members[at].name);
		EXPECT_STREQ(pair[1].bdf, (char *)answer.members[!at].name);
		EXPECT_EQ(edu[0].dev_id, answer.members[at].dev_id);
		EXPECT_EQ(i ? edu[1].dev_id : 0, answer.members[!at].dev_id);
	}
	/* Too little room: what fits, and how many there are */
	EXPECT_EQ(-EMSGSIZE, ask(fd, edu[0].dev_id, 1, &answer));
	EXPECT_EQ(2, answer.info.nr_members);
	EXPECT_NE(0xff, answer.members[0].name[0]);
	EXPECT_EQ(0xff, answer.members[1].name[0]);
	EXPECT_EQ(pair[0].group, answer.info.group_id);
	answer.info.members = 0;
	answer.info.nr_members = 0;
	EXPECT_EQ(-EMSGSIZE, iommu_device_info(fd, edu[0].dev_id,
					       &answer.info));
	EXPECT_EQ(2, answer.info.nr_members);
	edu_close(&edu[0]);
	edu_close(&edu[1]);
	close(fd);
}

/* Simulated devices ------------------------------------------------------------ */

FIXTURE(info)
{
	struct sim sim;
	struct answer answer;
};

FIXTURE_SETUP(info)
{
	NEED_SIM;
}

FIXTURE_TEARDOWN(info)
{
	EXPECT_EQ(0, sim_close(&self->sim));
}

TEST_F(info, engines)
{
	static const struct {
		const char *attributes;
		uint32_t flags;
		uint32_t max_pasid;
		uint64_t last;
	} rows[] = {
		{ "dirty=0", IOASID_DEVICE_NESTING, 0, (1ULL << 48) - 1 },
		{ "addr_bits=40", IOASID_DEVICE_NESTING | IOASID_DEVICE_DIRTY,
		  0, (1ULL << 40) - 1 },
		{ "pasid_bits=1",
		  IOASID_DEVICE_NESTING | IOASID_DEVICE_DIRTY |
		  IOASID_DEVICE_PASID, 1, (1ULL << 48) - 1 },
		{ "pasid_bits=20 pri=1",
		  IOASID_DEVICE_NESTING | IOASID_DEVICE_DIRTY |
		  IOASID_DEVICE_PASID | IOASID_DEVICE_PRI, (1 << 20) - 1,
		  (1ULL << 48) - 1 },
		{ "pri=1 dirty=0", IOASID_DEVICE_NESTING | IOASID_DEVICE_PRI, 0,
		  (1ULL << 48) - 1 },
	};
	const struct ioasid_device_info *info = &self->answer.info;
	struct sim *sim = &self->sim;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ASSERT_EQ(0, sim_open(sim, rows[i].attributes));
		ASSERT_EQ(0, ask(sim->fd, sim->engine.dev_id, MAX_MEMBERS,
				 &self->answer));
		EXPECT_EQ(rows[i].flags,
			  info->out_flags & ~IOASID_DEVICE_COHERENT)
			TH_LOG("%s", rows[i].attributes);
		EXPECT_EQ(rows[i].max_pasid, info->max_pasid);
		EXPECT_EQ(rows[i].last, info->aperture_last);
		EXPECT_EQ(GUEST_4K | GUEST_2M | GUEST_1G, info->page_sizes);
		EXPECT_EQ(0, info->rid);
		EXPECT_EQ(0, info->hw_pasid);
		EXPECT_EQ(iosim_group(SIM_NAME), info->group_id);
		EXPECT_EQ(1, info->nr_members);
		EXPECT_EQ(sim->engine.dev_id, self->answer.members[0].dev_id);
		EXPECT_EQ(0, sim_close(sim));
	}
}

/* Asking changes nothing: not what is attached, not who may ask for pages. */
TEST_F(info, while_in_use)
{
	struct sim *sim = &self->sim;
	struct iommu_hwpt_pgfault fault[2];
	struct iosim_desc desc = dma_desc_fill(0x1000, 8, 3);
	struct fault_queue queue;
	struct dma dma;
	uint32_t hwpt;

	ASSERT_EQ(0, sim_open(sim, "pri=1"));
	ASSERT_EQ(0, fault_queue_open(sim->fd, &queue));
	ASSERT_EQ(0, iommu_hwpt_alloc_fault(sim->fd, sim->engine.dev_id,
					    sim->ioas, 0, queue.id, &hwpt));
	ASSERT_EQ(0, sim_attach(sim, hwpt));
	ASSERT_EQ(0, ask(sim->fd, sim->engine.dev_id, MAX_MEMBERS,
			 &self->answer));
	EXPECT_EQ(IOASID_DEVICE_PRI | IOASID_DEVICE_ATTACHED,
		  self->answer.info.out_flags &
		  (IOASID_DEVICE_PRI | IOASID_DEVICE_ATTACHED));
	EXPECT_EQ(hwpt, self->answer.info.pt_id);
	dma = sim_dma(sim, 0);
	dma.block = true;
	ASSERT_EQ(0, dma_start(&dma, &desc));
	ASSERT_EQ(1, fault_read_group(queue.fd, fault, 2));
	ASSERT_EQ(0, ask(sim->fd, sim->engine.dev_id, MAX_MEMBERS,
			 &self->answer));
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, PAGE,
				     IOMMU_RW, 0x1000));
	ASSERT_EQ(0, fault_respond(queue.fd, fault->cookie,
				   IOMMUFD_PAGE_RESP_SUCCESS));
	EXPECT_EQ(0, dma_wait(&dma));
	close(queue.fd);
}

TEST_F(info, group)
{
	const struct answer *answer = &self->answer;
	struct sim *sim = &self->sim;
	struct engine other;
	char name[64];
	int at;

	ASSERT_EQ(0, sim_open(sim, "pasid_bits=4"));
	ASSERT_EQ(0, sim_add(sim, SECOND, "group=" SIM_NAME, &other));
	ASSERT_EQ(0, ask(sim->fd, other.dev_id, MAX_MEMBERS, &self->answer));
	ASSERT_EQ(2, answer->info.nr_members);
	at = answer->members[0].dev_id != other.dev_id;
	EXPECT_EQ(other.dev_id, answer->members[at].dev_id);
	EXPECT_EQ(sim->engine.dev_id, answer->members[!at].dev_id);
	ASSERT_EQ(0, iosim_get(SECOND, "device", name, sizeof(name)));
	EXPECT_STREQ(name, (char *)answer->members[at].name);
	ASSERT_EQ(0, iosim_get(SIM_NAME, "device", name, sizeof(name)));
	EXPECT_STREQ(name, (char *)answer->members[!at].name);
	/* The one has PASIDs, the other has not */
	EXPECT_EQ(0, answer->info.out_flags & IOASID_DEVICE_PASID);
	ASSERT_EQ(0, ask(sim->fd, sim->engine.dev_id, 2, &self->answer));
	EXPECT_EQ(15, answer->info.max_pasid);
	ASSERT_EQ(0, sim_remove(SECOND, &other));
}

TEST_F(info, subdevices)
{
	static const struct {
		const char *type;
		const char *uuid;
		uint32_t flags;
	} rows[] = {
		{ IOSIM_LOCAL, "11111111-1111-4111-8111-111111111111", 0 },
		{ IOSIM_GLOBAL, "22222222-2222-4222-8222-222222222222",
		  IOASID_DEVICE_PASID_GLOBAL },
	};
	const struct ioasid_device_info *info = &self->answer.info;
	struct sim *sim = &self->sim;
	uint32_t first = 0, hwpt;
	struct engine sub[2];
	size_t i;

	ASSERT_EQ(0, sim_open_parent(sim, "pasid_bits=6 pri=1"));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, iosim_subdevice_create(SIM_NAME, rows[i].type,
						    rows[i].uuid));
		ASSERT_EQ(0, engine_open_subdevice(&sub[i], rows[i].uuid,
						   sim->fd));
		ASSERT_EQ(0, ask(sim->fd, sub[i].dev_id, MAX_MEMBERS,
				 &self->answer));
		EXPECT_EQ(IOASID_DEVICE_SUBDEVICE | IOASID_DEVICE_PASID |
			  IOASID_DEVICE_PASID_CONVERTED | IOASID_DEVICE_PRI |
			  IOASID_DEVICE_DIRTY | IOASID_DEVICE_NESTING |
			  rows[i].flags,
			  info->out_flags & ~IOASID_DEVICE_COHERENT);
		EXPECT_NE(0, info->hw_pasid);
		EXPECT_NE(first, info->hw_pasid);
		first = info->hw_pasid;
		EXPECT_EQ(63, info->max_pasid);
		EXPECT_EQ(iosim_group(SIM_NAME), info->group_id);
		/* It is told from everybody, by its PASID */
		EXPECT_EQ(1, info->nr_members);
		EXPECT_EQ(sub[i].dev_id, self->answer.members[0].dev_id);
		EXPECT_STREQ(rows[i].uuid,
			     (char *)self->answer.members[0].name);
		ASSERT_EQ(0, vfio_attach(sub[i].fd, sim->ioas, &hwpt));
		ASSERT_EQ(0, ask(sim->fd, sub[i].dev_id, MAX_MEMBERS,
				 &self->answer));
		EXPECT_EQ(hwpt, info->pt_id);
		EXPECT_TRUE(info->out_flags & IOASID_DEVICE_ATTACHED);
	}
	for (i = 0; i < 2; i++)
		engine_close(&sub[i]);
}

TEST_F(info, bad_input)
{
	struct {
		struct ioasid_device_info info;
		uint64_t tail;
	} arg = {};
	struct sim *sim = &self->sim;
	uint32_t dev;

	ASSERT_EQ(0, sim_open(sim, ""));
	dev = sim->engine.dev_id;
	arg.info.dev_id = dev;
	arg.info.size = sizeof(arg.info) - 4;
	EXPECT_EQ(-EINVAL, iommu_cmd(sim->fd, IOASID_DEVICE_INFO, &arg));
	arg.info.size = sizeof(arg);
	arg.tail = 1;
	EXPECT_EQ(-E2BIG, iommu_cmd(sim->fd, IOASID_DEVICE_INFO, &arg));
	arg.tail = 0;
	arg.info.flags = 1;
	EXPECT_EQ(-EOPNOTSUPP, iommu_cmd(sim->fd, IOASID_DEVICE_INFO, &arg));
	EXPECT_EQ(-ENOENT, ask(sim->fd, NO_SUCH_ID, 1, &self->answer));
	EXPECT_EQ(-ENOENT, ask(sim->fd, 0, 1, &self->answer));
	EXPECT_EQ(-ENOENT, ask(sim->fd, sim->ioas, 1, &self->answer));
	arg.info = (struct ioasid_device_info) { .members = 8, .nr_members = 1 };
	EXPECT_EQ(-EFAULT, iommu_device_info(sim->fd, dev, &arg.info));
	arg.info = (struct ioasid_device_info) { .nr_members = 1 };
	EXPECT_EQ(-EFAULT, iommu_device_info(sim->fd, dev, &arg.info));
	/* More room than there can be is no harm */
	EXPECT_EQ(0, ask(sim->fd, dev, UINT32_MAX, &self->answer));
	EXPECT_EQ(1, self->answer.info.nr_members);
}

SIM_HARNESS_MAIN
