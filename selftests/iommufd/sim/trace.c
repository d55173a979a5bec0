// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trace events: what is in tracefs after something has been done is what has been done,
 * once each, and no more.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "fault.h"
#include "file.h"
#include "iommu.h"
#include "sim.h"
#include "vfio.h"

#define TRACEFS "/sys/kernel/tracing"
#define ENABLE TRACEFS "/events/ioasid/enable"
#define ATTRIBUTES "pasid_bits=4 pri=1 prq_size=16"
#define PAGE SIM_PAGE
#define AT 0x10000000ULL
#define NOWHERE 0x7654321000ULL
#define PASID 3
#define TEXT_MAX (64 << 10)

/* @text: the trace, once it has been read */
FIXTURE(trace)
{
	struct sim sim;
	char text[TEXT_MAX];
};

/* What the test before has left. */
static int forget(void)
{
	int fd = open(TRACEFS "/trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

FIXTURE_SETUP(trace)
{
	NEED_SIM;
	if (mount("tracefs", TRACEFS, "tracefs", 0, NULL) && errno != EBUSY)
		SKIP(return, "no tracefs in this kernel");
	if (access(ENABLE, F_OK))
		SKIP(return, "no trace events in this kernel");
	ASSERT_EQ(0, sim_open(&self->sim, ATTRIBUTES));
	ASSERT_EQ(0, sim_attach(&self->sim, self->sim.ioas));
	ASSERT_EQ(0, forget());
	ASSERT_EQ(0, file_write(ENABLE, "1"));
}

FIXTURE_TEARDOWN(trace)
{
	file_write(ENABLE, "0");
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* All that has been traced so far. */
static int read_trace(FIXTURE_DATA(trace) *self)
{
	int fd = open(TRACEFS "/trace", O_RDONLY | O_CLOEXEC);
	size_t done = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, self->text + done, TEXT_MAX - 1 - done)) > 0)
		done += n;
	self->text[done] = '\0';
	close(fd);
	return n < 0 ? -errno : 0;
}

/*
 * Lines of an event that end with a text, which comes behind the number of the context;
 * of an empty one, all lines of the event.
 */
static int count(const char *text, const char *event, const char *format, ...)
{
	char head[64], want[256];
	const char *at = text;
	unsigned int context;
	va_list args;
	int n = 0, skip;

	va_start(args, format);
	vsnprintf(want, sizeof(want), format, args);
	va_end(args);
	snprintf(head, sizeof(head), " ioasid_%s: context=", event);
	for (; (at = strstr(at, head)); at += strlen(head)) {
		const char *fields = at + strlen(head);
		size_t length = strlen(want);

		if (sscanf(fields, "%u%n", &context, &skip) != 1)
			continue;
		fields += skip + 1;
		n += !length || (!strncmp(fields, want, length) &&
				 fields[length] == '\n');
	}
	return n;
}

#define READ_TRACE() ASSERT_EQ(0, read_trace(self))
#define COUNT(event, ...) count(self->text, event, __VA_ARGS__)
#define ALL(event) count(self->text, event, "%s", "")

/* What a DMA fault is reported of is a device, by the name that it has in sysfs. */
static const char *device_of(const char *text)
{
	static char name[64];
	const char *at = strstr(text, " device=");

	name[0] = '\0';
	if (at)
		sscanf(at, " device=%63s", name);
	return name;
}

TEST_F(trace, map_and_unmap)
{
	struct sim *sim = &self->sim;

	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, PAGE,
				     IOMMU_RW, AT));
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, 4 * PAGE,
				     IOMMU_R, AT + 8 * PAGE));
	ASSERT_EQ(0, iommu_ioas_unmap(sim->fd, sim->ioas, AT, PAGE, NULL));
	ASSERT_EQ(0, iommu_ioas_unmap(sim->fd, sim->ioas, AT, 64 * PAGE, NULL));
	READ_TRACE();
	EXPECT_EQ(2, ALL("map"));
	EXPECT_EQ(1, COUNT("map", "ioas=%u iova=%#llx length=%#llx prot=rw in_use=1 result=0",
			   sim->ioas, AT, PAGE));
	EXPECT_EQ(1, COUNT("map", "ioas=%u iova=%#llx length=%#llx prot=r in_use=1 result=0",
			   sim->ioas, AT + 8 * PAGE, 4 * PAGE));
	EXPECT_EQ(2, ALL("unmap"));
	EXPECT_EQ(1, COUNT("unmap", "ioas=%u iova=%#llx length=%#llx result=0",
			   sim->ioas, AT, PAGE));
	EXPECT_EQ(1, COUNT("unmap", "ioas=%u iova=%#llx length=%#llx result=0",
			   sim->ioas, AT + 8 * PAGE, 4 * PAGE));
	EXPECT_EQ(0, ALL("failed"));
}

TEST_F(trace, batch)
{
	struct ioasid_batch_entry entries[4] = {};
	struct sim *sim = &self->sim;
	uint32_t done;
	int i;

	for (i = 0; i < 4; i++) {
		entries[i].flags = IOMMU_RW | IOMMU_FIXED;
		entries[i].src = iommu_ptr(sim->buf + i * PAGE);
		entries[i].iova = AT + i * PAGE;
		entries[i].length = PAGE;
	}
	ASSERT_EQ(0, iommu_map_batch(sim->fd, sim->ioas, entries, 4, &done));
	for (i = 0; i < 4; i++)
		entries[i] = (struct ioasid_batch_entry) {
			.iova = AT + i * PAGE,
			.length = PAGE,
		};
	ASSERT_EQ(0, iommu_unmap_batch(sim->fd, sim->ioas, entries, 4, &done));
	READ_TRACE();
	EXPECT_EQ(4, ALL("map"));
	EXPECT_EQ(4, ALL("unmap"));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(1, COUNT("map", "ioas=%u iova=%#llx length=%#llx prot=rw in_use=1 result=0",
				   sim->ioas, AT + i * PAGE, PAGE));
		EXPECT_EQ(1, COUNT("unmap", "ioas=%u iova=%#llx length=%#llx result=0",
				   sim->ioas, AT + i * PAGE, PAGE));
	}
}

/* What comes behind the entry that fails is given up: it never was a mapping. */
TEST_F(trace, batch_that_fails)
{
	struct ioasid_batch_entry entries[3] = {};
	struct sim *sim = &self->sim;
	uint32_t done;
	int i;

	for (i = 0; i < 3; i++) {
		entries[i].flags = IOMMU_RW | IOMMU_FIXED;
		entries[i].src = i == 1 ? PAGE : iommu_ptr(sim->buf + i * PAGE);
		entries[i].iova = AT + i * PAGE;
		entries[i].length = PAGE;
	}
	ASSERT_EQ(-EFAULT, iommu_map_batch(sim->fd, sim->ioas, entries, 3,
					   &done));
	ASSERT_EQ(1, done);
	READ_TRACE();
	EXPECT_EQ(3, ALL("map"));
	EXPECT_EQ(0, ALL("unmap"));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(1, COUNT("map", "ioas=%u iova=%#llx length=%#llx prot=rw in_use=%d result=%d",
				   sim->ioas, AT + i * PAGE, PAGE, !i,
				   i ? -EFAULT : 0));
}

/* A child's mapping goes with what it is made of. */
TEST_F(trace, lost)
{
	struct sim *sim = &self->sim;
	uint32_t child;

	ASSERT_EQ(0, iommu_alloc_nested(sim->fd, sim->ioas, &child));
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, child, (void *)SIM_AT, PAGE,
				     IOMMU_R, AT));
	ASSERT_EQ(0, iommu_unmap_all(sim->fd, sim->ioas, NULL));
	READ_TRACE();
	EXPECT_EQ(1, COUNT("map", "ioas=%u iova=%#llx length=%#llx prot=r in_use=0 result=0",
			   child, AT, PAGE));
	EXPECT_EQ(1, ALL("lost"));
	EXPECT_EQ(1, COUNT("lost", "ioas=%u iova=%#llx length=%#llx", child, AT,
			   PAGE));
	EXPECT_EQ(2, ALL("unmap"));
	EXPECT_EQ(1, COUNT("unmap", "ioas=%u iova=%#llx length=%#llx result=0",
			   child, AT, PAGE));
	EXPECT_EQ(1, COUNT("unmap", "ioas=%u iova=%#llx length=%#llx result=0",
			   sim->ioas, SIM_AT, (unsigned long long)SIM_SIZE));
}

/* Nobody has unmapped it: it goes with its IOAS. */
TEST_F(trace, destroy)
{
	struct sim *sim = &self->sim;
	uint32_t ioas;

	ASSERT_EQ(0, iommu_ioas_alloc(sim->fd, &ioas));
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, ioas, sim->buf, PAGE, IOMMU_W,
				     AT));
	ASSERT_EQ(0, iommu_destroy(sim->fd, ioas));
	READ_TRACE();
	EXPECT_EQ(1, COUNT("map", "ioas=%u iova=%#llx length=%#llx prot=w in_use=0 result=0",
			   ioas, AT, PAGE));
	EXPECT_EQ(1, COUNT("unmap", "ioas=%u iova=%#llx length=%#llx result=0",
			   ioas, AT, PAGE));
}

TEST_F(trace, failed)
{
	struct sim *sim = &self->sim;

	ASSERT_EQ(-EEXIST, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, PAGE,
					   IOMMU_RW, SIM_AT));
	/* It has a place, but no memory. */
	ASSERT_EQ(-EFAULT, iommu_map_fixed(sim->fd, sim->ioas, (void *)PAGE,
					   PAGE, IOMMU_RW, AT));
	READ_TRACE();
	EXPECT_EQ(2, ALL("failed"));
	EXPECT_EQ(1, ALL("map"));
	EXPECT_EQ(1, COUNT("map", "ioas=%u iova=%#llx length=%#llx prot=rw in_use=0 result=%d",
			   sim->ioas, AT, PAGE, -EFAULT));
	EXPECT_NE(NULL, strstr(self->text, "command=IOMMU_IOAS_MAP result=-17 reason=\""));
	EXPECT_NE(NULL, strstr(self->text, "command=IOMMU_IOAS_MAP result=-14 reason=\""));
}

TEST_F(trace, attach_and_detach)
{
	struct sim *sim = &self->sim;
	uint32_t ioas, hwpt, other;
	const char *device;

	ASSERT_EQ(0, iommu_ioas_alloc(sim->fd, &ioas));
	ASSERT_EQ(0, iommu_hwpt_alloc(sim->fd, sim->engine.dev_id, sim->ioas, 0,
				      &hwpt));
	ASSERT_EQ(0, iommu_hwpt_alloc(sim->fd, sim->engine.dev_id, ioas, 0,
				      &other));
	ASSERT_EQ(0, iommu_pasid_attach(sim->fd, sim->engine.dev_id, PASID,
					hwpt));
	ASSERT_EQ(0, sim_attach(sim, other));
	ASSERT_EQ(0, vfio_detach(sim->engine.fd));
	ASSERT_EQ(0, iommu_pasid_detach(sim->fd, sim->engine.dev_id, PASID));
	READ_TRACE();
	device = device_of(self->text);
	EXPECT_NE('\0', device[0]);
	EXPECT_EQ(2, ALL("attach"));
	EXPECT_EQ(1, COUNT("attach", "device=%s pasid=%u hwpt=%u ioas=%u",
			   device, PASID, hwpt, sim->ioas));
	EXPECT_EQ(1, COUNT("attach", "device=%s pasid=0 hwpt=%u ioas=%u",
			   device, other, ioas));
	EXPECT_EQ(2, ALL("detach"));
	EXPECT_EQ(1, COUNT("detach", "device=%s pasid=%u hwpt=%u ioas=%u",
			   device, PASID, hwpt, sim->ioas));
	EXPECT_EQ(1, COUNT("detach", "device=%s pasid=0 hwpt=%u ioas=%u",
			   device, other, ioas));
}

TEST_F(trace, dma_fault)
{
	struct sim *sim = &self->sim;
	struct dma dma = sim_dma(sim, 0);

	ASSERT_NE(0, dma_poke(&dma, NOWHERE, 1));
	READ_TRACE();
	EXPECT_EQ(1, ALL("dma_fault"));
	EXPECT_EQ(1, COUNT("dma_fault", "device=%s ioas=%u iova=%#llx perm=w",
			   device_of(self->text), sim->ioas, NOWHERE));
}

TEST_F(trace, page_request)
{
	struct iommu_hwpt_pgfault fault[16];
	struct sim *sim = &self->sim;
	struct fault_queue queue;
	const char *device;
	struct dma dma = sim_dma_pasid(sim, 0, PASID);
	struct iosim_desc desc = dma_desc_fill(NOWHERE, 8, 1);
	uint32_t hwpt;

	ASSERT_EQ(0, fault_queue_open(sim->fd, &queue));
	ASSERT_EQ(0, iommu_hwpt_alloc_fault(sim->fd, sim->engine.dev_id,
					    sim->ioas, 0, queue.id, &hwpt));
	ASSERT_EQ(0, iommu_pasid_attach(sim->fd, sim->engine.dev_id, PASID,
					hwpt));
	dma.block = true;
	ASSERT_EQ(0, dma_start(&dma, &desc));
	ASSERT_EQ(1, fault_read_group(queue.fd, fault, 16));
	ASSERT_EQ(0, fault_respond(queue.fd, fault->cookie,
				   IOMMUFD_PAGE_RESP_INVALID));
	EXPECT_NE(0, dma_wait(&dma));
	READ_TRACE();
	device = device_of(self->text);
	EXPECT_EQ(1, ALL("page_request"));
	EXPECT_EQ(1, COUNT("page_request",
			   "device=%s pasid=%u address=%#llx perm=w group=%u cookie=%u",
			   device, PASID, NOWHERE, fault->grpid,
			   fault->cookie));
	EXPECT_EQ(1, ALL("page_answer"));
	EXPECT_EQ(1, COUNT("page_answer", "device=%s group=%u cookie=%u code=%u",
			   device, fault->grpid, fault->cookie,
			   IOMMUFD_PAGE_RESP_INVALID));
	EXPECT_EQ(0, ALL("dma_fault"));
	close(queue.fd);
}

/* Addresses of user memory are nobody else's business. */
TEST_F(trace, no_user_addresses)
{
	struct sim *sim = &self->sim;
	char address[32];

	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, PAGE,
				     IOMMU_RW, AT));
	READ_TRACE();
	EXPECT_EQ(1, ALL("map"));
	snprintf(address, sizeof(address), "%llx",
		 (unsigned long long)(uintptr_t)sim->buf);
	EXPECT_EQ(NULL, strstr(self->text, address));
}

SIM_HARNESS_MAIN
