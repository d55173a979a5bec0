// SPDX-License-Identifier: GPL-2.0-only
/*
 * An unbind, under locks of VFIO's that others want, waits for nobody who waits for the
 * user: commands that name the device, with memory that does not come.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>

#include "kselftest_harness.h"

#include "hold.h"
#include "iommu.h"
#include "sim.h"
#include "vfio.h"

#define ATTRIBUTES "pasid_bits=4"
#define WAIT_MS 30000

/* @result: of the command, when it has come to its end */
FIXTURE(unbind)
{
	struct sim sim;
	struct hold hold;
	pthread_t thread;
	uint32_t parent;
	int result;
};

FIXTURE_VARIANT(unbind)
{
	int (*command)(FIXTURE_DATA(unbind) *self);
	int result;
};

static int ask_info(FIXTURE_DATA(unbind) *self)
{
	struct ioasid_device_info info = {
		.members = iommu_ptr(self->hold.page),
		.nr_members = 1,
	};

	return iommu_device_info(self->sim.fd, self->sim.engine.dev_id, &info);
}

static int ask_hardware(FIXTURE_DATA(unbind) *self)
{
	struct iommu_hw_info info = {
		.data_uptr = iommu_ptr(self->hold.page),
		.data_len = 64,
	};

	return iommu_get_hw_info(self->sim.fd, self->sim.engine.dev_id, &info);
}

/* The page that comes says nothing of a table, to the device that has the ID by then. */
static int alloc_nested(FIXTURE_DATA(unbind) *self)
{
	uint32_t hwpt;

	return iommu_hwpt_alloc_user(self->sim.fd, self->sim.engine.dev_id,
				     self->parent, IOSIM_HWPT_FIRST_STAGE,
				     self->hold.page,
				     sizeof(struct iosim_hwpt_first_stage), 0,
				     &hwpt);
}

FIXTURE_VARIANT_ADD(unbind, device_info)
{
	.command = ask_info,
	.result = 0,
};

FIXTURE_VARIANT_ADD(unbind, hw_info)
{
	.command = ask_hardware,
	.result = 0,
};

FIXTURE_VARIANT_ADD(unbind, hwpt_alloc)
{
	.command = alloc_nested,
	.result = -EINVAL,
};

FIXTURE_SETUP(unbind)
{
	NEED_SIM;
	ASSERT_EQ(0, sim_open(&self->sim, ATTRIBUTES));
	ASSERT_EQ(0, sim_parent_hwpt(&self->sim, &self->parent));
	ASSERT_EQ(0, hold_open(&self->hold));
}

FIXTURE_TEARDOWN(unbind)
{
	hold_close(&self->hold);
	EXPECT_EQ(0, sim_close(&self->sim));
}

struct call {
	FIXTURE_DATA(unbind) *self;
	int (*command)(FIXTURE_DATA(unbind) *self);
};

static void *run_command(void *arg)
{
	struct call *call = arg;

	call->self->result = call->command(call->self);
	return NULL;
}

static void *run_close(void *arg)
{
	engine_close(arg);
	return NULL;
}

static struct timespec deadline(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	time.tv_sec += WAIT_MS / 1000;
	return time;
}

TEST_F(unbind, while_a_command_waits)
{
	struct call call = { self, variant->command };
	struct timespec until;
	pthread_t closer;

	ASSERT_EQ(0, pthread_create(&self->thread, NULL, run_command, &call));
	ASSERT_TRUE(hold_wait(&self->hold, WAIT_MS));
	ASSERT_EQ(0, pthread_create(&closer, NULL, run_close,
				    &self->sim.engine));
	until = deadline();
	EXPECT_EQ(0, pthread_timedjoin_np(closer, NULL, &until));
	/* Others can have it already */
	EXPECT_EQ(0, engine_open_name(&self->sim.engine, SIM_NAME,
				      self->sim.fd));
	ASSERT_EQ(0, hold_release(&self->hold));
	ASSERT_EQ(0, pthread_join(self->thread, NULL));
	EXPECT_EQ(variant->result, self->result);
}

SIM_HARNESS_MAIN
