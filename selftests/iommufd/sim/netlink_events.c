// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family "ioasid": what it tells unasked, and the pairs of devices
 * that are not isolated from each other.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netlink.h"

/* The next event is of this kind; its message, to be freed. */
static struct genl_rows expect_event(struct genl *genl, uint64_t kind)
{
	struct genl_rows row;
	int rc = genl_event(genl, &row);

	if (!rc && value(genl_row(&row, 0), IOASID_A_EVENT_KIND) == kind)
		return row;
	printf("# %d: event %d instead of %d\n", rc,
	       (int)value(genl_row(&row, 0), IOASID_A_EVENT_KIND), (int)kind);
	genl_free(&row);
	return row;
}

#define EVENT(kind)							\
	rows = expect_event(&self->events, IOASID_EVENT_KIND_##kind);	\
	row = genl_row(&rows, 0);					\
	ASSERT_NE(NULL, row)

TEST_F(bound, events)
{
	const struct nlmsghdr *row;
	struct genl_rows rows;
	struct engine second;
	struct dma dma;
	uint32_t context;
	int fd;

	fd = iommu_open();
	EVENT(OPEN);
	context = value(row, IOASID_A_EVENT_CONTEXT);
	EXPECT_NE(self->context, context);
	EXPECT_EQ(getpid(), value(row, IOASID_A_EVENT_PID));
	genl_free(&rows);

	ASSERT_EQ(0, iosim_create(SECOND, ""));
	ASSERT_EQ(0, engine_open_name(&second, SECOND, fd));
	EVENT(BIND);
	EXPECT_EQ(context, value(row, IOASID_A_EVENT_CONTEXT));
	EXPECT_EQ(second.dev_id, value(row, IOASID_A_EVENT_DEVICE_ID));
	EXPECT_NE(0, *text(row, IOASID_A_EVENT_DEVICE));
	genl_free(&rows);

	ASSERT_EQ(0, sim_attach(&self->sim, self->sim.ioas));
	EVENT(ATTACH);
	EXPECT_EQ(self->context, value(row, IOASID_A_EVENT_CONTEXT));
	EXPECT_STREQ(self->name, text(row, IOASID_A_EVENT_DEVICE));
	EXPECT_EQ(self->sim.ioas, value(row, IOASID_A_EVENT_SPACE));
	genl_free(&rows);

	dma = sim_dma(&self->sim, 0);
	EXPECT_NE(0, dma_peek(&dma, NOWHERE, NULL));
	EVENT(FAULT);
	EXPECT_EQ(NOWHERE, value(row, IOASID_A_EVENT_IOVA));
	EXPECT_EQ(1, value(row, IOASID_A_EVENT_PERM));
	EXPECT_STREQ(self->name, text(row, IOASID_A_EVENT_DEVICE));
	genl_free(&rows);

	ASSERT_EQ(-EEXIST, map(self->sim.fd, self->sim.ioas, self->sim.buf,
			       PAGE, SIM_AT));
	EVENT(FAILED);
	EXPECT_NE(NULL, strstr(text(row, IOASID_A_EVENT_COMMAND), "IOAS_MAP"));
	EXPECT_EQ(EEXIST, value(row, IOASID_A_EVENT_ERROR));
	EXPECT_NE(NULL, strstr(text(row, IOASID_A_EVENT_REASON), "0x40000000"));
	genl_free(&rows);

	ASSERT_EQ(0, vfio_detach(self->sim.engine.fd));
	EVENT(DETACH);
	genl_free(&rows);
	ASSERT_EQ(0, sim_remove(SECOND, &second));
	EVENT(UNBIND);
	EXPECT_EQ(context, value(row, IOASID_A_EVENT_CONTEXT));
	genl_free(&rows);
	close(fd);
	EVENT(CLOSE);
	EXPECT_EQ(context, value(row, IOASID_A_EVENT_CONTEXT));
	genl_free(&rows);
	EXPECT_TRUE(genl_silent(&self->events));
}

/* A page table that cannot be filled: what has not been attached is not detached. */
TEST_F(bound, failed_attach)
{
	const struct nlmsghdr *row;
	struct genl_rows rows;
	unsigned int nth;
	char value[16];
	int rc;

	for (nth = 1;; nth++) {
		snprintf(value, sizeof(value), "%u", nth);
		ASSERT_EQ(0, iosim_set(SIM_NAME, "map_fail", value));
		rc = sim_attach(&self->sim, self->sim.ioas);
		ASSERT_EQ(0, iosim_set(SIM_NAME, "map_fail", "0"));
		if (!rc)
			break;
		EXPECT_EQ(-ENOMEM, rc);
		EVENT(FAILED);
		EXPECT_STREQ("attach", text(row, IOASID_A_EVENT_COMMAND));
		genl_free(&rows);
	}
	EXPECT_LT(1, nth);
	EVENT(ATTACH);
	genl_free(&rows);
	EXPECT_TRUE(genl_silent(&self->events));
}

/* Pairs that are not isolated ---------------------------------------------- */

/* The name of the device that is bound to another context. */
static int name_of_other(FIXTURE_DATA(bound) *self, char *name, size_t size)
{
	const struct nlmsghdr *row;
	struct genl_rows rows;
	int rc = dump_all(&self->genl, &rows, IOASID_CMD_DEVICE_GET);
	unsigned int i;

	*name = 0;
	for (i = 0; !rc && (row = genl_row(&rows, i)); i++)
		if (value(row, IOASID_A_DEVICE_CONTEXT) != self->context)
			snprintf(name, size, "%s",
				 text(row, IOASID_A_DEVICE_NAME));
	genl_free(&rows);
	return rc;
}

TEST_F(bound, split)
{
	struct genl *genl = &self->genl;
	char other[64], why[300] = "";
	uint32_t len = sizeof(why), error = 0;
	struct engine second;
	struct genl_rows rows;
	int fd = iommu_open();

	ASSERT_EQ(0, iosim_create(SECOND, ""));
	ASSERT_EQ(0, engine_open_name(&second, SECOND, fd));
	ASSERT_EQ(0, name_of_other(self, other, sizeof(other)));
	engine_close(&second);
	ASSERT_EQ(0, split(genl, IOASID_CMD_SPLIT_ADD, self->name, other));
	EXPECT_EQ(-EEXIST, split(genl, IOASID_CMD_SPLIT_ADD, other,
				 self->name));
	ASSERT_EQ(0, dump_all(genl, &rows, IOASID_CMD_SPLIT_GET));
	ASSERT_EQ(1, rows.nr);
	EXPECT_STREQ(self->name, text(genl_row(&rows, 0),
				      IOASID_A_SPLIT_DEVICE));
	EXPECT_STREQ(other, text(genl_row(&rows, 0), IOASID_A_SPLIT_OTHER));
	genl_free(&rows);

	EXPECT_EQ(-EBUSY, engine_open_name(&second, SECOND, fd));
	ASSERT_EQ(0, iommu_last_reason(fd, why, &len, &error));
	EXPECT_EQ(EBUSY, error);
	EXPECT_NE(NULL, strstr(why, self->name));
	/* One descriptor may have both */
	ASSERT_EQ(0, engine_open_name(&second, SECOND, self->sim.fd));
	engine_close(&second);
	ASSERT_EQ(0, split(genl, IOASID_CMD_SPLIT_DEL, other, self->name));
	EXPECT_EQ(-ENOENT, split(genl, IOASID_CMD_SPLIT_DEL, other,
				 self->name));
	EXPECT_EQ(0, engine_open_name(&second, SECOND, fd));
	EXPECT_EQ(0, sim_remove(SECOND, &second));
	close(fd);
}

/* Who has them already is told, and nothing taken away. */
TEST_F(bound, split_of_bound_devices)
{
	const struct nlmsghdr *row;
	struct genl_rows rows;
	struct engine second;
	char other[64];
	int fd = iommu_open(), i;

	ASSERT_EQ(0, iosim_create(SECOND, ""));
	ASSERT_EQ(0, engine_open_name(&second, SECOND, fd));
	ASSERT_EQ(0, name_of_other(self, other, sizeof(other)));
	EVENT(OPEN);
	genl_free(&rows);
	EVENT(BIND);
	genl_free(&rows);
	ASSERT_EQ(0, split(&self->genl, IOASID_CMD_SPLIT_ADD, self->name,
			   other));
	for (i = 0; i < 2; i++) {
		EVENT(SPLIT);
		EXPECT_NE(0, *text(row, IOASID_A_EVENT_DEVICE));
		EXPECT_NE(0, *text(row, IOASID_A_EVENT_OTHER));
		EXPECT_STRNE(text(row, IOASID_A_EVENT_DEVICE),
			     text(row, IOASID_A_EVENT_OTHER));
		genl_free(&rows);
	}
	EXPECT_TRUE(genl_silent(&self->events));
	EXPECT_EQ(0, split(&self->genl, IOASID_CMD_SPLIT_DEL, self->name,
			   other));
	EXPECT_EQ(0, sim_remove(SECOND, &second));
	close(fd);
}

SIM_HARNESS_MAIN
