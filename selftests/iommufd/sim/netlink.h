/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fixture for programs about the netlink family "ioasid": a device that is bound to a
 * context, and two sockets, one of which listens to events.
 */
#ifndef SELFTESTS_SIM_NETLINK_H
#define SELFTESTS_SIM_NETLINK_H

#include <stdio.h>

#include "kselftest_harness.h"

#include "family.h"
#include "iommu.h"
#include "sim.h"
#include "vfio.h"

#define NOWHERE 0x20000000ULL
#define SECOND "other"

FIXTURE(bound)
{
	struct sim sim;
	struct genl genl;
	struct genl events;
	uint32_t context;
	char name[64];
};

FIXTURE_SETUP(bound)
{
	struct genl_rows rows;

	NEED_SIM;
	ASSERT_EQ(0, genl_open(&self->genl, IOASID_FAMILY_NAME));
	ASSERT_EQ(0, genl_open(&self->events, IOASID_FAMILY_NAME));
	ASSERT_EQ(0, sim_open(&self->sim, "pasid_bits=8"));
	self->context = newest_context(&self->genl);
	ASSERT_EQ(0, dump_all(&self->genl, &rows, IOASID_CMD_DEVICE_GET));
	ASSERT_EQ(1, rows.nr);
	snprintf(self->name, sizeof(self->name), "%s",
		 text(genl_row(&rows, 0), IOASID_A_DEVICE_NAME));
	genl_free(&rows);
	ASSERT_EQ(0, genl_listen(&self->events));
}

FIXTURE_TEARDOWN(bound)
{
	genl_close(&self->events);
	EXPECT_EQ(0, sim_close(&self->sim));
	genl_close(&self->genl);
}

#endif
