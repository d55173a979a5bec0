// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family "ioasid": what it tells, and that looking changes
 * nothing. What it refuses: netlink_input.c; what it tells unasked: netlink_events.c.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "child.h"
#include "mem.h"
#include "netlink.h"

/* Without a device --------------------------------------------------------- */

TEST_F(netlink, family)
{
	struct genl other;

	EXPECT_EQ(IOASID_FAMILY_VERSION, self->genl.version);
	EXPECT_NE(0, self->genl.group);
	EXPECT_EQ(-ENOENT, genl_open(&other, "ioasidx"));
}

TEST_F(netlink, context)
{
	struct filter own = { IOASID_A_CONTEXT_ID, self->context, false };
	const struct nlmsghdr *row;
	struct genl_rows rows;
	uint32_t second;

	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &second));
	ASSERT_EQ(0, dump(&self->genl, &rows, IOASID_CMD_CONTEXT_GET, &own, 1));
	ASSERT_EQ(1, rows.nr);
	row = genl_row(&rows, 0);
	EXPECT_EQ(self->context, value(row, IOASID_A_CONTEXT_ID));
	EXPECT_EQ(getpid(), value(row, IOASID_A_CONTEXT_PID));
	EXPECT_STREQ(NAME, text(row, IOASID_A_CONTEXT_COMM));
	EXPECT_EQ(0, value(row, IOASID_A_CONTEXT_UID));
	EXPECT_EQ(2, value(row, IOASID_A_CONTEXT_OBJECTS));
	EXPECT_EQ(2, value(row, IOASID_A_CONTEXT_SPACES));
	EXPECT_EQ(0, value(row, IOASID_A_CONTEXT_DEVICES));
	EXPECT_EQ(0, value(row, IOASID_A_CONTEXT_PINNED_BYTES));
	genl_free(&rows);

	/* One more, which has another number, and is gone when it is closed */
	second = iommu_open();
	ASSERT_EQ(0, dump_all(&self->genl, &rows, IOASID_CMD_CONTEXT_GET));
	EXPECT_EQ(2, rows.nr);
	EXPECT_NE(NULL, find(&rows, IOASID_A_CONTEXT_ID, self->context));
	genl_free(&rows);
	close(second);
	ASSERT_EQ(0, dump_all(&self->genl, &rows, IOASID_CMD_CONTEXT_GET));
	EXPECT_EQ(1, rows.nr);
	genl_free(&rows);
	own.value = self->context + 1;
	ASSERT_EQ(0, dump(&self->genl, &rows, IOASID_CMD_CONTEXT_GET, &own, 1));
	EXPECT_EQ(0, rows.nr);
	genl_free(&rows);
}

TEST_F(netlink, spaces)
{
	struct filter own[] = {
		{ IOASID_A_SPACE_CONTEXT, self->context, false },
		{ IOASID_A_SPACE_ID, 0, false },
	};
	const struct nlmsghdr *row;
	struct genl_rows rows;
	uint32_t child;

	ASSERT_EQ(0, iommu_alloc_nested(self->fd, self->ioas, &child));
	ASSERT_EQ(0, map(self->fd, self->ioas, self->buf, 8 * PAGE, AT));
	ASSERT_EQ(0, map(self->fd, self->ioas, self->buf, PAGE, 2 * AT));
	ASSERT_EQ(0, iommu_ioas_unmap(self->fd, self->ioas, 2 * AT, PAGE,
				      NULL));
	ASSERT_EQ(0, dump(&self->genl, &rows, IOASID_CMD_SPACE_GET, own, 1));
	EXPECT_EQ(2, rows.nr);
	row = find(&rows, IOASID_A_SPACE_ID, self->ioas);
	ASSERT_NE(NULL, row);
	EXPECT_EQ(self->context, value(row, IOASID_A_SPACE_CONTEXT));
	EXPECT_EQ(IOASID_SPACE_KIND_KERNEL, value(row, IOASID_A_SPACE_KIND));
	EXPECT_EQ(NULL, genl_attr(row, IOASID_A_SPACE_PARENT));
	EXPECT_EQ(1, value(row, IOASID_A_SPACE_AREAS));
	EXPECT_EQ(8 * PAGE, value(row, IOASID_A_SPACE_MAPPED_BYTES));
	EXPECT_EQ(0, value(row, IOASID_A_SPACE_PINNED_BYTES));
	EXPECT_EQ(0, value(row, IOASID_A_SPACE_PAGE_TABLES));
	EXPECT_EQ(0, value(row, IOASID_A_SPACE_ATTACHED));
	EXPECT_EQ(2, value(row, IOASID_A_SPACE_MAPS));
	EXPECT_EQ(1, value(row, IOASID_A_SPACE_UNMAPS));
	EXPECT_EQ(0, value(row, IOASID_A_SPACE_FAULTS));
	row = find(&rows, IOASID_A_SPACE_ID, child);
	ASSERT_NE(NULL, row);
	EXPECT_EQ(IOASID_SPACE_KIND_NESTED, value(row, IOASID_A_SPACE_KIND));
	EXPECT_EQ(self->ioas, value(row, IOASID_A_SPACE_PARENT));
	genl_free(&rows);

	own[1].value = child;
	ASSERT_EQ(0, dump(&self->genl, &rows, IOASID_CMD_SPACE_GET, own, 2));
	EXPECT_EQ(1, rows.nr);
	EXPECT_NE(NULL, find(&rows, IOASID_A_SPACE_ID, child));
	genl_free(&rows);
}

/* How many areas of the IOAS reach into the range? And the first one's IOVA. */
static int areas(FIXTURE_DATA(netlink) *self, uint64_t iova, uint64_t last,
		 uint64_t *first)
{
	const struct filter filters[] = {
		{ IOASID_A_AREA_CONTEXT, self->context, false },
		{ IOASID_A_AREA_SPACE, self->ioas, false },
		{ IOASID_A_AREA_IOVA, iova, true },
		{ IOASID_A_AREA_LAST, last, true },
	};
	struct genl_rows rows;
	int rc = dump(&self->genl, &rows, IOASID_CMD_AREA_GET, filters, 4);

	if (!rc) {
		rc = rows.nr;
		*first = value(genl_row(&rows, 0), IOASID_A_AREA_IOVA);
	}
	genl_free(&rows);
	return rc;
}

TEST_F(netlink, areas)
{
	uint64_t first;
	int i;

	/* Two pages mapped, two free */
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, map(self->fd, self->ioas, self->buf, 2 * PAGE,
				 AT + i * 4 * PAGE));
	EXPECT_EQ(8, areas(self, 0, UINT64_MAX, &first));
	EXPECT_EQ(AT, first);
	EXPECT_EQ(0, areas(self, 0, AT - 1, &first));
	EXPECT_EQ(1, areas(self, 0, AT, &first));
	/* Within one, from its last byte on, and between two */
	EXPECT_EQ(1, areas(self, AT + 5 * PAGE, AT + 5 * PAGE, &first));
	EXPECT_EQ(AT + 4 * PAGE, first);
	EXPECT_EQ(2, areas(self, AT + 6 * PAGE - 1, AT + 8 * PAGE, &first));
	EXPECT_EQ(AT + 4 * PAGE, first);
	EXPECT_EQ(0, areas(self, AT + 6 * PAGE, AT + 8 * PAGE - 1, &first));
	EXPECT_EQ(0, areas(self, AT + 30 * PAGE, UINT64_MAX, &first));
	EXPECT_EQ(0, areas(self, UINT64_MAX, 0, &first));
}

TEST_F(netlink, origins)
{
	struct filter own = { IOASID_A_AREA_CONTEXT, self->context, false };
	const struct nlmsghdr *row;
	struct genl_rows rows;
	uint32_t child;
	int memfd;

	memfd = mem_memfd(4 * PAGE, 0);
	ASSERT_LE(0, memfd);
	ASSERT_EQ(0, iommu_alloc_nested(self->fd, self->ioas, &child));
	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->ioas, self->buf, PAGE,
				     IOMMU_R, AT));
	ASSERT_EQ(0, iommu_map_file_fixed(self->fd, self->ioas, memfd, PAGE,
					  2 * PAGE, IOMMU_RW, 2 * AT));
	/* What a child maps is named by where its parent has it */
	ASSERT_EQ(0, map(self->fd, child, (void *)(2 * AT), 2 * PAGE, 3 * AT));
	ASSERT_EQ(0, dump(&self->genl, &rows, IOASID_CMD_AREA_GET, &own, 1));
	EXPECT_EQ(3, rows.nr);
	row = find(&rows, IOASID_A_AREA_IOVA, AT);
	EXPECT_EQ(self->ioas, value(row, IOASID_A_AREA_SPACE));
	EXPECT_EQ(AT + PAGE - 1, value(row, IOASID_A_AREA_LAST));
	EXPECT_EQ(IOASID_AREA_ORIGIN_USER, value(row, IOASID_A_AREA_ORIGIN));
	EXPECT_EQ(iommu_ptr(self->buf), value(row, IOASID_A_AREA_ADDRESS));
	EXPECT_EQ(1, value(row, IOASID_A_AREA_PERM));
	row = find(&rows, IOASID_A_AREA_IOVA, 2 * AT);
	EXPECT_EQ(IOASID_AREA_ORIGIN_FILE, value(row, IOASID_A_AREA_ORIGIN));
	EXPECT_EQ(PAGE, value(row, IOASID_A_AREA_ADDRESS));
	EXPECT_EQ(3, value(row, IOASID_A_AREA_PERM));
	row = find(&rows, IOASID_A_AREA_IOVA, 3 * AT);
	EXPECT_EQ(child, value(row, IOASID_A_AREA_SPACE));
	EXPECT_EQ(IOASID_AREA_ORIGIN_PARENT, value(row, IOASID_A_AREA_ORIGIN));
	EXPECT_EQ(2 * AT, value(row, IOASID_A_AREA_ADDRESS));
	genl_free(&rows);
	close(memfd);
}

/* A process of the same user that may not be looked at, as a set-user-ID program. */
static void map_secretly(int ready, int done)
{
	uint32_t ioas, child;
	char byte = 0;
	void *buf;
	int fd;

	CHILD_EQ(0, prctl(PR_SET_DUMPABLE, 0));
	buf = mem_anon(2 * PAGE);
	CHILD_EQ(1, !!buf);
	fd = iommu_open();
	CHILD_EQ(1, fd >= 0);
	CHILD_EQ(0, iommu_ioas_alloc(fd, &ioas));
	CHILD_EQ(0, map(fd, ioas, buf, 2 * PAGE, AT));
	CHILD_EQ(0, iommu_alloc_nested(fd, ioas, &child));
	CHILD_EQ(0, map(fd, child, (void *)AT, PAGE, 3 * AT));
	CHILD_EQ(1, write(ready, &byte, 1));
	CHILD_EQ(0, read(done, &byte, 1));
	_exit(0);
}

/* All areas that this user can see, by their origin, with an address or without. */
static void look_for_addresses(void *arg)
{
	const struct nlmsghdr *row;
	struct genl_rows rows;
	struct genl genl;

	(void)arg;
	CHILD_EQ(0, genl_open(&genl, IOASID_FAMILY_NAME));
	CHILD_EQ(0, dump_all(&genl, &rows, IOASID_CMD_AREA_GET));
	CHILD_EQ(2, rows.nr);
	row = find(&rows, IOASID_A_AREA_IOVA, AT);
	CHILD_EQ(IOASID_AREA_ORIGIN_USER, value(row, IOASID_A_AREA_ORIGIN));
	CHILD_EQ(1, !genl_attr(row, IOASID_A_AREA_ADDRESS));
	/* One in the parent tells nothing of the process */
	row = find(&rows, IOASID_A_AREA_IOVA, 3 * AT);
	CHILD_EQ(AT, value(row, IOASID_A_AREA_ADDRESS));
	genl_free(&rows);
	genl_close(&genl);
}

static void become_user_and_look(void *arg)
{
	int ready[2], done[2], status;
	char byte;
	pid_t pid;

	CHILD_EQ(0, setgid(1000));
	CHILD_EQ(0, setuid(1000));
	CHILD_EQ(0, pipe(ready));
	CHILD_EQ(0, pipe(done));
	pid = fork();
	if (!pid) {
		close(done[1]);
		map_secretly(ready[1], done[0]);
	}
	CHILD_EQ(1, read(ready[0], &byte, 1));
	look_for_addresses(arg);
	close(done[1]);
	CHILD_EQ(pid, waitpid(pid, &status, 0));
	CHILD_EQ(0, status);
}

TEST(addresses_of_others)
{
	ASSERT_EQ(0, chmod(IOMMU_DEV, 0666));
	EXPECT_EQ(0, child_run(become_user_and_look, NULL));
	EXPECT_EQ(0, chmod(IOMMU_DEV, 0660));
}

/* More than fits into one message: none twice, none left out, in order. */
TEST_F(netlink, many_areas)
{
	struct filter own = { IOASID_A_AREA_CONTEXT, self->context, false };
	const struct nlmsghdr *row;
	struct genl_rows rows;
	const uint64_t nr = 3000;
	uint64_t i;

	for (i = 0; i < nr; i++)
		ASSERT_EQ(0, map(self->fd, self->ioas, self->buf, PAGE,
				 AT + 2 * i * PAGE));
	ASSERT_EQ(0, dump(&self->genl, &rows, IOASID_CMD_AREA_GET, &own, 1));
	ASSERT_EQ(nr, rows.nr);
	row = genl_row(&rows, 0);
	for (i = 0; i < nr; i++) {
		ASSERT_EQ(AT + 2 * i * PAGE, value(row, IOASID_A_AREA_IOVA));
		row = (void *)((char *)row + NLMSG_ALIGN(row->nlmsg_len));
	}
	genl_free(&rows);
}

/* A dump that nobody goes on reading holds nothing. */
TEST_F(netlink, abandoned_dump)
{
	struct genl_request request;
	uint32_t second;
	int i;

	for (i = 0; i < 1000; i++)
		ASSERT_EQ(0, map(self->fd, self->ioas, self->buf, PAGE,
				 AT + 2 * i * PAGE));
	genl_begin(&self->genl, &request, IOASID_CMD_AREA_GET);
	ASSERT_EQ(0, genl_send(&self->genl, &request, NLM_F_DUMP));
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &second));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->ioas));
	self->ioas = second;
}

/* Coming and going --------------------------------------------------------- */

struct churn {
	int fd;
	void *buf;
	atomic_bool over;
	int steps;
	int bad;
};

#define CHURN_STEPS 400

static int churn_step(struct churn *churn)
{
	uint32_t ioas, child;
	int fd = iommu_open();
	int rc;

	if (fd < 0)
		return fd;
	rc = iommu_ioas_alloc(churn->fd, &ioas) ?:
	     iommu_alloc_nested(churn->fd, ioas, &child) ?:
	     map(churn->fd, ioas, churn->buf, PAGE, AT) ?:
	     iommu_ioas_unmap(churn->fd, ioas, AT, PAGE, NULL) ?:
	     iommu_destroy(churn->fd, child) ?:
	     iommu_destroy(churn->fd, ioas);
	close(fd);
	return rc;
}

static void *churn_run(void *arg)
{
	struct churn *churn = arg;

	while (churn->steps < CHURN_STEPS && !churn->bad) {
		churn->bad = churn_step(churn);
		churn->steps++;
	}
	atomic_store(&churn->over, true);
	return NULL;
}

static bool has_all(const struct genl_rows *rows, const uint32_t *stays, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		if (!find(rows, IOASID_A_SPACE_ID, stays[i]))
			return false;
	return true;
}

#define STAY 60

/* What is there all the time is there in each dump, once; DESTROY never fails. */
TEST_F(netlink, while_others_come_and_go)
{
	struct filter own = { IOASID_A_SPACE_CONTEXT, self->context, false };
	struct churn churn = { .fd = self->fd, .buf = self->buf };
	struct genl_rows rows;
	uint32_t stays[STAY];
	pthread_t thread;
	int i, rounds = 0;

	for (i = 0; i < STAY; i++)
		ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &stays[i]));
	ASSERT_EQ(0, pthread_create(&thread, NULL, churn_run, &churn));
	do {
		ASSERT_EQ(0, dump(&self->genl, &rows, IOASID_CMD_SPACE_GET,
				  &own, 1));
		EXPECT_TRUE(has_all(&rows, stays, STAY));
		genl_free(&rows);
		ASSERT_EQ(0, dump_all(&self->genl, &rows,
				      IOASID_CMD_CONTEXT_GET));
		EXPECT_NE(NULL, find(&rows, IOASID_A_CONTEXT_ID,
				     self->context));
		genl_free(&rows);
		ASSERT_EQ(0, dump_all(&self->genl, &rows, IOASID_CMD_AREA_GET));
		genl_free(&rows);
		rounds++;
	} while (!atomic_load(&churn.over));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, churn.bad);
	EXPECT_EQ(CHURN_STEPS, churn.steps);
	TH_LOG("%d rounds of dumps", rounds);
}

/* With devices ------------------------------------------------------------- */

TEST_F(bound, device)
{
	const struct nlattr *attachment;
	const struct nlmsghdr *row;
	struct genl_rows rows;
	struct dma dma;

	ASSERT_EQ(0, dump_all(&self->genl, &rows, IOASID_CMD_DEVICE_GET));
	row = genl_row(&rows, 0);
	EXPECT_EQ(self->context, value(row, IOASID_A_DEVICE_CONTEXT));
	EXPECT_EQ(self->sim.engine.dev_id, value(row, IOASID_A_DEVICE_ID));
	EXPECT_STREQ(self->name, text(row, IOASID_A_DEVICE_MEMBER));
	EXPECT_NE(0, *text(row, IOASID_A_DEVICE_DRIVER));
	EXPECT_EQ(iosim_group(SIM_NAME), value(row, IOASID_A_DEVICE_GROUP));
	EXPECT_EQ(NULL, genl_attr(row, IOASID_A_DEVICE_RID));
	EXPECT_EQ(NULL, genl_attr(row, IOASID_A_DEVICE_PARENT));
	EXPECT_EQ(NULL, genl_attr(row, IOASID_A_DEVICE_ATTACHMENT));
	EXPECT_EQ(0, value(row, IOASID_A_DEVICE_FAULTS));
	genl_free(&rows);

	ASSERT_EQ(0, sim_attach(&self->sim, self->sim.ioas));
	dma = sim_dma(&self->sim, 0);
	EXPECT_NE(0, dma_peek(&dma, NOWHERE, NULL));
	ASSERT_EQ(0, dump_all(&self->genl, &rows, IOASID_CMD_DEVICE_GET));
	row = genl_row(&rows, 0);
	attachment = genl_attr(row, IOASID_A_DEVICE_ATTACHMENT);
	ASSERT_NE(NULL, attachment);
	EXPECT_EQ(self->sim.ioas,
		  genl_value(genl_within(attachment,
					 IOASID_A_ATTACHMENT_SPACE)));
	EXPECT_NE(0, genl_value(genl_within(attachment,
					    IOASID_A_ATTACHMENT_PAGE_TABLE)));
	EXPECT_EQ(1, value(row, IOASID_A_DEVICE_FAULTS));
	genl_free(&rows);
}

TEST_F(bound, pasids)
{
	const struct nlattr *attachment;
	const struct nlmsghdr *row;
	struct genl_rows rows;

	ASSERT_EQ(0, iommu_pasid_attach(self->sim.fd, self->sim.engine.dev_id,
					77, self->sim.ioas));
	ASSERT_EQ(0, dump_all(&self->genl, &rows, IOASID_CMD_DEVICE_GET));
	row = genl_row(&rows, 0);
	attachment = genl_attr(row, IOASID_A_DEVICE_ATTACHMENT);
	ASSERT_NE(NULL, attachment);
	EXPECT_EQ(77, genl_value(genl_within(attachment,
					     IOASID_A_ATTACHMENT_PASID)));
	EXPECT_EQ(self->sim.ioas,
		  genl_value(genl_within(attachment,
					 IOASID_A_ATTACHMENT_SPACE)));
	genl_free(&rows);
}

TEST_F(bound, pinned)
{
	struct filter own = { IOASID_A_SPACE_ID, self->sim.ioas, false };
	const struct nlmsghdr *row;
	struct genl_rows rows;

	ASSERT_EQ(0, sim_attach(&self->sim, self->sim.ioas));
	ASSERT_EQ(0, dump(&self->genl, &rows, IOASID_CMD_SPACE_GET, &own, 1));
	ASSERT_EQ(1, rows.nr);
	row = genl_row(&rows, 0);
	EXPECT_EQ(SIM_SIZE, value(row, IOASID_A_SPACE_PINNED_BYTES));
	EXPECT_EQ(1, value(row, IOASID_A_SPACE_PAGE_TABLES));
	EXPECT_EQ(1, value(row, IOASID_A_SPACE_ATTACHED));
	genl_free(&rows);
	ASSERT_EQ(0, dump_all(&self->genl, &rows, IOASID_CMD_CONTEXT_GET));
	row = find(&rows, IOASID_A_CONTEXT_ID, self->context);
	EXPECT_EQ(SIM_SIZE, value(row, IOASID_A_CONTEXT_PINNED_BYTES));
	EXPECT_EQ(1, value(row, IOASID_A_CONTEXT_DEVICES));
	genl_free(&rows);

	ASSERT_EQ(0, iommu_unmap_all(self->sim.fd, self->sim.ioas, NULL));
	ASSERT_EQ(0, dump(&self->genl, &rows, IOASID_CMD_SPACE_GET, &own, 1));
	row = genl_row(&rows, 0);
	EXPECT_EQ(0, value(row, IOASID_A_SPACE_PINNED_BYTES));
	EXPECT_EQ(1, value(row, IOASID_A_SPACE_UNMAPS));
	EXPECT_LE(1, value(row, IOASID_A_SPACE_FLUSHES));
	genl_free(&rows);
}

/* A part of a device names it, and is alone in its set. */
TEST(sub_device)
{
	static const char uuid[] = "11111111-1111-4111-8111-111111111111";
	const struct nlmsghdr *row;
	struct genl_rows rows;
	struct engine sub;
	struct genl genl;
	struct sim sim;

	NEED_SIM;
	ASSERT_EQ(0, genl_open(&genl, IOASID_FAMILY_NAME));
	ASSERT_EQ(0, sim_open_parent(&sim, "pasid_bits=8"));
	ASSERT_EQ(0, iosim_subdevice_create(SIM_NAME, IOSIM_LOCAL, uuid));
	ASSERT_EQ(0, engine_open_subdevice(&sub, uuid, sim.fd));
	ASSERT_EQ(0, vfio_attach(sub.fd, sim.ioas, NULL));
	ASSERT_EQ(0, dump_all(&genl, &rows, IOASID_CMD_DEVICE_GET));
	ASSERT_EQ(1, rows.nr);
	row = genl_row(&rows, 0);
	EXPECT_STREQ(uuid, text(row, IOASID_A_DEVICE_NAME));
	EXPECT_STREQ(uuid, text(row, IOASID_A_DEVICE_MEMBER));
	EXPECT_NE(0, *text(row, IOASID_A_DEVICE_PARENT));
	EXPECT_STRNE(uuid, text(row, IOASID_A_DEVICE_PARENT));
	EXPECT_NE(NULL, genl_attr(row, IOASID_A_DEVICE_ATTACHMENT));
	genl_free(&rows);
	engine_close(&sub);
	EXPECT_EQ(0, sim_close(&sim));
	genl_close(&genl);
}

#define REBINDS 60

/* Binds, attaches and closes a device, in contexts that come and go, too. */
static void *rebind_run(void *arg)
{
	struct churn *churn = arg;
	struct engine engine;
	uint32_t ioas;

	while (churn->steps < REBINDS && !churn->bad) {
		int fd = iommu_open();

		engine = (struct engine) { .fd = -1, .irq = -1 };
		churn->bad = fd < 0 ? fd :
			     iommu_ioas_alloc(fd, &ioas) ?:
			     engine_open_name(&engine, SECOND, fd) ?:
			     vfio_attach(engine.fd, ioas, NULL);
		engine_close(&engine);
		close(fd);
		churn->steps++;
	}
	atomic_store(&churn->over, true);
	return NULL;
}

/*
 * A dump takes its time: the device that comes and goes may be in several contexts, one
 * after the other, but in each of them once.
 */
TEST_F(bound, while_devices_come_and_go)
{
	const struct nlmsghdr *row;
	struct churn churn = { };
	struct genl_rows rows;
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, sim_attach(&self->sim, self->sim.ioas));
	ASSERT_EQ(0, iosim_create(SECOND, ""));
	ASSERT_EQ(0, pthread_create(&thread, NULL, rebind_run, &churn));
	do {
		ASSERT_EQ(0, dump_all(&self->genl, &rows,
				      IOASID_CMD_DEVICE_GET));
		EXPECT_NE(NULL, find(&rows, IOASID_A_DEVICE_CONTEXT,
				     self->context));
		for (i = 0; (row = genl_row(&rows, i)); i++)
			EXPECT_EQ(row, find(&rows, IOASID_A_DEVICE_CONTEXT,
					    value(row, IOASID_A_DEVICE_CONTEXT)));
		genl_free(&rows);
		ASSERT_EQ(0, dump_all(&self->genl, &rows,
				      IOASID_CMD_SPACE_GET));
		genl_free(&rows);
	} while (!atomic_load(&churn.over));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, churn.bad);
	EXPECT_EQ(0, iosim_destroy(SECOND));
}

SIM_HARNESS_MAIN
