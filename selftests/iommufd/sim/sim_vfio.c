// SPDX-License-Identifier: GPL-2.0-only
/*
 * The simulator's devices as VFIO has them: regions, interrupts, drivers, the
 * legacy group, and how they are taken away from somebody who uses them.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "file.h"
#include "iommu.h"
#include "mem.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define DRIVER "/sys/bus/platform/drivers/iosim-vfio"
#define DIRECTORY IOSIM_CONFIGFS "/iosim/" SIM_NAME
#define UUID "7e57ab1e-0000-4000-8000-000000000000"
#define QUEUE 64
#define WAIT_MS 20000
/* An abort takes milliseconds; this is a second of a busy debug kernel. */
#define SOON_MS 5000
#define REGION(n) ((uint64_t)(n) << 40)

FIXTURE(vfio)
{
	struct sim sim;
	struct engine *engine;
	int request;
};

static int set_irqs(int fd, uint32_t index, uint32_t flags, uint32_t count,
		    int eventfd)
{
	char buffer[sizeof(struct vfio_irq_set) + sizeof(eventfd)];
	struct vfio_irq_set *set = (struct vfio_irq_set *)buffer;

	*set = (struct vfio_irq_set) {
		.argsz = sizeof(buffer),
		.flags = flags,
		.index = index,
		.count = count,
	};
	memcpy(set->data, &eventfd, sizeof(eventfd));
	return ioctl(fd, VFIO_DEVICE_SET_IRQS, set) < 0 ? -errno : 0;
}

#define EVENTFD (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)

FIXTURE_SETUP(vfio)
{
	struct sim *sim = &self->sim;

	NEED_SIM;
	self->engine = &sim->engine;
	ASSERT_EQ(0, sim_open(sim, "pasid_bits=4 pri=1"));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	self->request = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_EQ(0, set_irqs(sim->engine.fd, IOSIM_IRQ_REQUEST, EVENTFD, 1,
			      self->request));
}

FIXTURE_TEARDOWN(vfio)
{
	if (!iosim_why_not()) {
		EXPECT_EQ(0, sim_close(&self->sim));
		close(self->request);
	}
}

static int works(struct sim *sim)
{
	struct dma dma = sim_dma(sim, 0);

	return dma_check(&dma, SIM_AT, sim->buf);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Has the user been asked to let go of the device? */
static bool asked(int request)
{
	struct pollfd fd = { .fd = request, .events = POLLIN };

	return poll(&fd, 1, WAIT_MS) == 1;
}

static int64_t accesses(void)
{
	return iosim_counter(SIM_NAME, "walks") +
	       iosim_counter(SIM_NAME, "iotlb_hits");
}

/*
 * A pointer to itself, followed for ever; as often as it can be submitted. What has
 * not begun when it is aborted would not complete.
 */
static int start_endless(struct sim *sim)
{
	int64_t before = accesses();
	struct iosim_desc desc = {
		.op = IOSIM_OP_CHASE,
		.flags = IOSIM_DESC_COMPLETION,
		.src = SIM_AT,
		.length = UINT64_MAX,
		.completion = SIM_AT + SIM_DONE,
	};
	int rc, n = 0;

	memset(sim->buf + SIM_DONE, 0, sizeof(struct iosim_completion));
	*(uint64_t *)sim->buf = SIM_AT;
	while (!(rc = engine_submit(&sim->engine, &desc)))
		n++;
	while (accesses() == before)
		usleep(1000);
	return rc == -EAGAIN ? n : rc;
}

static uint32_t status_of(const struct sim *sim)
{
	const struct iosim_completion *end =
		(struct iosim_completion *)(sim->buf + SIM_DONE);

	return end->status;
}

/* What never ends is over soon after a reset, and when the device is closed. */
TEST_F(vfio, endless)
{
	struct sim *sim = &self->sim;
	int64_t start;

	EXPECT_EQ(QUEUE, start_endless(sim));
	EXPECT_EQ(QUEUE, engine_read32(self->engine, IOSIM_REG_BUSY));
	start = now_ms();
	EXPECT_EQ(0, engine_reset(self->engine));
	EXPECT_GT(SOON_MS, now_ms() - start);
	EXPECT_EQ(0, engine_read32(self->engine, IOSIM_REG_BUSY));
	EXPECT_EQ(IOSIM_STATUS_ABORTED, status_of(sim));
	EXPECT_EQ(0, works(sim));

	EXPECT_EQ(QUEUE, start_endless(sim));
	EXPECT_EQ(0, engine_write32(self->engine, IOSIM_REG_CTRL,
				    IOSIM_CTRL_RESET));
	EXPECT_EQ(IOSIM_STATUS_ABORTED, status_of(sim));

	EXPECT_EQ(QUEUE, start_endless(sim));
	start = now_ms();
	engine_close(self->engine);
	EXPECT_GT(SOON_MS, now_ms() - start);
	EXPECT_EQ(IOSIM_STATUS_ABORTED, status_of(sim));
}

static pid_t unplug_in_child(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(!!iosim_unplug(SIM_NAME));
	return pid;
}

/* Who pulls it out waits until the user, who is asked, has let go of it. */
TEST_F(vfio, unplug_asks)
{
	char name[64];
	int status;
	pid_t pid;

	/* The child has the descriptors, too, and must not keep them open */
	pid = fork();
	if (!pid) {
		engine_close(self->engine);
		_exit(!!iosim_unplug(SIM_NAME));
	}
	ASSERT_TRUE(asked(self->request));
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	EXPECT_EQ(0, works(&self->sim));
	engine_close(self->engine);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(-ENODEV, iosim_get(SIM_NAME, "device", name, sizeof(name)));
}

/* A signal ends the wait. The removal goes on, and nothing else begins. */
TEST_F(vfio, unplug_is_interrupted)
{
	pid_t pid = unplug_in_child();
	char value[16];
	int status;

	ASSERT_TRUE(asked(self->request));
	EXPECT_EQ(0, iosim_get(SIM_NAME, "plugged", value, sizeof(value)));
	EXPECT_STREQ("0", value);
	EXPECT_EQ(-EBUSY, iosim_plug(SIM_NAME));
	EXPECT_EQ(-EBUSY, iosim_set(SIM_NAME, "pri", "0"));
	kill(pid, SIGKILL);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(0, works(&self->sim));
	engine_close(self->engine);
	EXPECT_EQ(0, iosim_unplug(SIM_NAME));
	EXPECT_EQ(0, iosim_plug(SIM_NAME));
}

/* Its name is taken until it has gone. */
TEST_F(vfio, rmdir_while_open)
{
	int64_t start;
	int rc;

	EXPECT_EQ(0, rmdir(DIRECTORY));
	EXPECT_TRUE(asked(self->request));
	EXPECT_EQ(0, works(&self->sim));
	ASSERT_EQ(0, mkdir(DIRECTORY, 0755));
	EXPECT_EQ(-EEXIST, iosim_plug(SIM_NAME));
	engine_close(self->engine);
	start = now_ms();
	do {
		rc = iosim_plug(SIM_NAME);
	} while (rc == -EEXIST && now_ms() - start < WAIT_MS);
	EXPECT_EQ(0, rc);
}

TEST_F(vfio, another_driver)
{
	struct sim *sim = &self->sim;
	char name[64];

	ASSERT_EQ(0, iosim_get(SIM_NAME, "device", name, sizeof(name)));
	engine_close(self->engine);
	EXPECT_EQ(0, file_write(DRIVER "/unbind", name));
	EXPECT_EQ(-ENODEV, iosim_cdev(SIM_NAME));
	EXPECT_EQ(0, file_write(DRIVER "/bind", name));
	ASSERT_EQ(0, engine_open_name(self->engine, SIM_NAME, sim->fd));
	EXPECT_EQ(0, sim_attach(sim, sim->ioas));
	EXPECT_EQ(0, works(sim));
}

TEST_F(vfio, what_cannot_be_mapped)
{
	static const struct {
		uint64_t offset;
		size_t length;
		int flags;
	} rows[] = {
		{ REGION(0), PAGE, MAP_PRIVATE },
		{ REGION(0), 2 * PAGE, MAP_SHARED },
		{ REGION(0) + PAGE, PAGE, MAP_SHARED },
		{ REGION(1), PAGE, MAP_SHARED },
		{ REGION(2), IOSIM_MEMORY_SIZE + PAGE, MAP_SHARED },
		{ REGION(2) + IOSIM_MEMORY_SIZE - PAGE, 2 * PAGE, MAP_SHARED },
		{ REGION(3), PAGE, MAP_SHARED },
		{ REGION(1ULL << 22), PAGE, MAP_SHARED },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		EXPECT_EQ(MAP_FAILED, mmap(NULL, rows[i].length, PROT_READ,
					   rows[i].flags, self->engine->fd,
					   rows[i].offset))
			TH_LOG("%zu", i);
}

/* Whatever a user does to the page, the device is what it is. */
TEST_F(vfio, scribbled_registers)
{
	uint32_t *registers;
	size_t length;

	registers = engine_mmap(self->engine, IOSIM_REGION_REGISTERS, &length);
	ASSERT_NE(NULL, registers);
	memset(registers, 0xff, length);
	EXPECT_EQ(IOSIM_MAGIC, engine_read32(self->engine, IOSIM_REG_MAGIC));
	EXPECT_EQ(QUEUE, engine_read32(self->engine, IOSIM_REG_QUEUE_SIZE));
	EXPECT_EQ(0, engine_read32(self->engine, IOSIM_REG_CTRL));
	/* The doorbell rings, with nonsense */
	EXPECT_EQ(0, engine_write32(self->engine, IOSIM_REG_CTRL,
				    IOSIM_CTRL_POLL));
	while (__atomic_load_n(&registers[IOSIM_REG_DOORBELL / 4],
			       __ATOMIC_ACQUIRE))
		usleep(1000);
	EXPECT_EQ(0, works(&self->sim));
	EXPECT_EQ(0, engine_reset(self->engine));
	EXPECT_EQ(IOSIM_MAGIC, registers[IOSIM_REG_MAGIC / 4]);
	EXPECT_EQ(0, registers[length / 4 - 1]);
	EXPECT_EQ(0, munmap(registers, length));
}

TEST_F(vfio, interrupts)
{
	static const uint32_t data[] = {
		VFIO_IRQ_SET_DATA_NONE, VFIO_IRQ_SET_DATA_BOOL,
		VFIO_IRQ_SET_DATA_EVENTFD,
	};
	int fd = self->engine->fd;
	uint64_t count;
	size_t i;

	/* By software */
	EXPECT_EQ(0, set_irqs(fd, IOSIM_IRQ_REQUEST, VFIO_IRQ_SET_DATA_NONE |
			      VFIO_IRQ_SET_ACTION_TRIGGER, 1, 0));
	EXPECT_EQ(8, read(self->request, &count, sizeof(count)));
	/* Not an eventfd, not a descriptor, no such interrupt, no masking */
	EXPECT_EQ(-EINVAL, set_irqs(fd, 0, EVENTFD, 1, self->sim.fd));
	EXPECT_EQ(-EBADF, set_irqs(fd, 0, EVENTFD, 1, 1000));
	EXPECT_EQ(-EINVAL, set_irqs(fd, 0, EVENTFD, 1, -2));
	EXPECT_EQ(-EINVAL, set_irqs(fd, 0, EVENTFD, 2, -1));
	EXPECT_EQ(-EINVAL, set_irqs(fd, 2, EVENTFD, 1, -1));
	for (i = 0; i < ARRAY_SIZE(data); i++)
		EXPECT_EQ(-EINVAL, set_irqs(fd, 0, data[i] |
					    VFIO_IRQ_SET_ACTION_MASK, 1, -1));
	/* Off */
	EXPECT_EQ(0, set_irqs(fd, IOSIM_IRQ_REQUEST, EVENTFD, 1, -1));
	EXPECT_EQ(0, set_irqs(fd, IOSIM_IRQ_REQUEST, VFIO_IRQ_SET_DATA_NONE |
			      VFIO_IRQ_SET_ACTION_TRIGGER, 1, 0));
	EXPECT_EQ(-1, read(self->request, &count, sizeof(count)));
}

/*
 * The legacy group -------------------------------------------------------------
 */

FIXTURE(group)
{
	char *buf;
	int container;
	int group;
	struct engine engine;
};

FIXTURE_VARIANT(group)
{
	const char *container;
	const char *attributes;
	int opened;
};

FIXTURE_VARIANT_ADD(group, device_type1)
{
	.container = "/dev/vfio/vfio",
};

FIXTURE_VARIANT_ADD(group, device_iommufd)
{
	.container = IOMMU_DEV,
};

/* Knows nothing of PASIDs. */
FIXTURE_VARIANT_ADD(group, subdevice_type1)
{
	.container = "/dev/vfio/vfio",
	.attributes = "kind=parent pasid_bits=4",
	.opened = -EOPNOTSUPP,
};

FIXTURE_VARIANT_ADD(group, subdevice_iommufd)
{
	.container = IOMMU_DEV,
	.attributes = "kind=parent pasid_bits=4",
};

static int subdevice_group(void)
{
	char target[256], *number;
	ssize_t length;

	length = readlink(IOSIM_SUBDEVICES "/" UUID "/iommu_group", target,
			  sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	number = strrchr(target, '/');
	return number ? atoi(number + 1) : -EINVAL;
}

FIXTURE_SETUP(group)
{
	struct engine *engine = &self->engine;
	struct vfio_region_info info;
	char name[64] = UUID;
	int number;

	NEED_SIM;
	*engine = (struct engine) { .fd = -1, .irq = -1 };
	ASSERT_EQ(0, iosim_create(SIM_NAME, variant->attributes ?: ""));
	if (variant->attributes) {
		ASSERT_EQ(0, iosim_subdevice_create(SIM_NAME, IOSIM_LOCAL,
						    UUID));
		number = subdevice_group();
	} else {
		ASSERT_EQ(0, iosim_get(SIM_NAME, "device", name, sizeof(name)));
		number = iosim_group(SIM_NAME);
	}
	self->container = open(variant->container, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->container);
	self->group = vfio_group_open(number);
	ASSERT_LE(0, self->group);
	ASSERT_EQ(0, vfio_group_set_container(self->group, self->container));
	ASSERT_EQ(0, ioctl(self->container, VFIO_SET_IOMMU,
			   VFIO_TYPE1v2_IOMMU));
	engine->fd = vfio_group_device(self->group, name);
	if (variant->opened) {
		EXPECT_EQ(variant->opened, engine->fd);
		return;
	}
	ASSERT_LE(0, engine->fd);
	self->buf = mem_anon(SIM_SPACE_SIZE);
	ASSERT_NE(NULL, self->buf);
	ASSERT_EQ(0, vfio_region_info(engine->fd, IOSIM_REGION_REGISTERS,
				      &info));
	engine->registers = info.offset;
	ASSERT_EQ(0, vfio_region_info(engine->fd, IOSIM_REGION_PORTAL, &info));
	engine->portal = info.offset;
}

FIXTURE_TEARDOWN(group)
{
	if (iosim_why_not())
		return;
	engine_close(&self->engine);
	close(self->group);
	close(self->container);
	if (variant->attributes)
		EXPECT_EQ(0, iosim_subdevice_remove(UUID));
	EXPECT_EQ(0, iosim_destroy(SIM_NAME));
}

TEST_F(group, dma)
{
	struct sim_space space = { .buf = self->buf };

	if (variant->opened)
		return;
	ASSERT_EQ(0, vfio_dma_map(self->container, self->buf, SIM_SPACE_SIZE,
				  SIM_AT, VFIO_DMA_MAP_FLAG_READ |
				  VFIO_DMA_MAP_FLAG_WRITE));
	EXPECT_EQ(0, sim_space_check(&space, &self->engine, ENGINE_NO_PASID));
	ASSERT_EQ(0, vfio_dma_unmap(self->container, SIM_AT, SIM_SPACE_SIZE, 0,
				    NULL));
	EXPECT_EQ(-ENODATA, sim_space_check(&space, &self->engine,
					    ENGINE_NO_PASID));
	mem_free(self->buf, SIM_SPACE_SIZE);
}

SIM_HARNESS_MAIN
