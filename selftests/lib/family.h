/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fixture for programs about the netlink family "ioasid": a socket that knows it,
 * and a context with an IOAS to be seen by it.
 */
#ifndef SELFTESTS_LIB_FAMILY_H
#define SELFTESTS_LIB_FAMILY_H

#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <linux/ioasid_netlink.h>

#include "kselftest_harness.h"

#include "genl.h"
#include "iommu.h"
#include "mem.h"

#define PAGE ((uint64_t)4096)
#define AT 0x40000000ULL
#define NAME "looked-at"

/* One condition of a dump. */
struct filter {
	int attr;
	uint64_t value;
	bool wide;
};

static inline int dump(struct genl *genl, struct genl_rows *rows, int cmd,
		       const struct filter *filters, unsigned int nr)
{
	struct genl_request request;
	unsigned int i;

	genl_begin(genl, &request, cmd);
	for (i = 0; i < nr; i++) {
		if (filters[i].wide)
			genl_put_u64(&request, filters[i].attr,
				     filters[i].value);
		else
			genl_put_u32(&request, filters[i].attr,
				     filters[i].value);
	}
	return genl_dump(genl, &request, rows);
}

static inline int dump_all(struct genl *genl, struct genl_rows *rows, int cmd)
{
	return dump(genl, rows, cmd, NULL, 0);
}

static inline uint64_t value(const struct nlmsghdr *row, int attr)
{
	return genl_value(genl_attr(row, attr));
}

static inline const char *text(const struct nlmsghdr *row, int attr)
{
	return genl_text(genl_attr(row, attr));
}

/* The one row that has this value there; NULL if there is none, or another. */
static inline const struct nlmsghdr *find(const struct genl_rows *rows,
					  int attr, uint64_t wanted)
{
	const struct nlmsghdr *found = NULL, *row;
	unsigned int i;

	for (i = 0; (row = genl_row(rows, i)); i++) {
		if (value(row, attr) != wanted)
			continue;
		if (found)
			return NULL;
		found = row;
	}
	return found;
}

/* The number of the last context that this process has opened. */
static inline uint32_t newest_context(struct genl *genl)
{
	const struct nlmsghdr *row;
	struct genl_rows rows;
	uint32_t number = 0;
	unsigned int i;

	if (!dump_all(genl, &rows, IOASID_CMD_CONTEXT_GET))
		for (i = 0; (row = genl_row(&rows, i)); i++)
			if (value(row, IOASID_A_CONTEXT_PID) ==
			    (uint64_t)getpid())
				number = value(row, IOASID_A_CONTEXT_ID);
	genl_free(&rows);
	return number;
}

static inline int split(struct genl *genl, int cmd, const char *device,
			const char *other)
{
	struct genl_request request;

	genl_begin(genl, &request, cmd);
	if (device)
		genl_put_text(&request, IOASID_A_SPLIT_DEVICE, device);
	if (other)
		genl_put_text(&request, IOASID_A_SPLIT_OTHER, other);
	return genl_do(genl, &request);
}

/* How many rows a dump has, or -errno. */
static inline int count(struct genl *genl, int cmd)
{
	struct genl_rows rows;
	int rc = dump_all(genl, &rows, cmd);

	if (!rc)
		rc = rows.nr;
	genl_free(&rows);
	return rc;
}

FIXTURE(netlink)
{
	struct genl genl;
	int fd;
	uint32_t context;
	uint32_t ioas;
	char *buf;
};

FIXTURE_SETUP(netlink)
{
	ASSERT_EQ(0, prctl(PR_SET_NAME, NAME));
	ASSERT_EQ(0, genl_open(&self->genl, IOASID_FAMILY_NAME));
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->context = newest_context(&self->genl);
	ASSERT_NE(0, self->context);
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &self->ioas));
	self->buf = mem_anon(16 * PAGE);
	ASSERT_NE(NULL, self->buf);
}

FIXTURE_TEARDOWN(netlink)
{
	genl_close(&self->genl);
	close(self->fd);
}

static inline int map(int fd, uint32_t ioas, void *va, uint64_t size,
		      uint64_t iova)
{
	return iommu_map_fixed(fd, ioas, va, size, IOMMU_RW, iova);
}

#endif
