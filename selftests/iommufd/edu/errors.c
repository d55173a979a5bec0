// SPDX-License-Identifier: GPL-2.0-only
/* What the errors of the commands say, and of VFIO's that attach, see errors.h. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"
#include "edu.h"
#include "errors.h"
#include "mem.h"
#include "rig.h"
#include "vfio.h"

#define MSI_WINDOW 0xfee00000UL
#define NO_ID 4711
#define USER 1235

FIXTURE(errors)
{
	struct rig rig;
	int fd;
	uint32_t ioas;
	char *mem;
	char text[64];
};

FIXTURE_SETUP(errors)
{
	ASSERT_EQ(0, rig_open(&self->rig));
	self->fd = self->rig.fd;
	self->ioas = self->rig.ioas;
	self->mem = mem_anon(8 * PAGE);
	ASSERT_NE(NULL, self->mem);
	ASSERT_EQ(0, rig_attach(&self->rig));
	ASSERT_EQ(0, rig_map(&self->rig, self->mem, 4 * PAGE, AT));
}

FIXTURE_TEARDOWN(errors)
{
	EXPECT_EQ(0, rig_close(&self->rig));
}

/* All commands --------------------------------------------------------------- */

TEST_F(errors, structure)
{
	static const struct {
		unsigned long nr;
		uint32_t size;
		const char *name;
	} commands[] = {
		{ IOMMU_DESTROY, sizeof(struct iommu_destroy),
		  "IOMMU_DESTROY" },
		{ IOMMU_IOAS_ALLOC, sizeof(struct iommu_ioas_alloc),
		  "IOMMU_IOAS_ALLOC" },
		{ IOMMU_IOAS_MAP, sizeof(struct iommu_ioas_map),
		  "IOMMU_IOAS_MAP" },
		{ IOMMU_HWPT_ALLOC, sizeof(struct iommu_hwpt_alloc),
		  "IOMMU_HWPT_ALLOC" },
		{ IOMMU_VFIO_IOAS, sizeof(struct iommu_vfio_ioas),
		  "IOMMU_VFIO_IOAS" },
		{ IOASID_MAP_BATCH, sizeof(struct ioasid_batch),
		  "IOASID_MAP_BATCH" },
		{ IOASID_DEVICE_INFO, sizeof(struct ioasid_device_info),
		  "IOASID_DEVICE_INFO" },
	};
	uint32_t arg[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		memset(arg, 0, sizeof(arg));
		arg[0] = 4;
		SAYS(self->fd, EINVAL, commands[i].name,
		     iommu_cmd(self->fd, commands[i].nr, arg));
		arg[0] = commands[i].size + 8;
		arg[commands[i].size / 4] = 1;
		SILENT(self->fd, E2BIG,
		       iommu_cmd(self->fd, commands[i].nr, arg));
		SILENT(self->fd, EFAULT,
		       iommu_cmd(self->fd, commands[i].nr, NULL));
	}
	SILENT(self->fd, ENOTTY, iommu_cmd(self->fd, IOMMU_IOAS_MAP + 0x70, arg));
}

/* Address spaces -------------------------------------------------------------- */

TEST_F(errors, map)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_RW | IOMMU_FIXED,
		.ioas_id = self->ioas,
		.user_va = iommu_ptr(self->mem + 4 * PAGE),
		.length = PAGE,
		.iova = FREE,
	};
	const struct iommu_iova_range window = { FREE, FREE + 4 * PAGE - 1 };
	char *hole = mem_reserve(PAGE);
	int fd = self->fd;

#define MAP(change) WITH(fd, IOMMU_IOAS_MAP, map, change)
	SILENT(fd, EOPNOTSUPP, MAP(flags |= 1 << 20));
	SILENT(fd, EOPNOTSUPP, MAP(__reserved = 1));
	SILENT(fd, ENOENT, MAP(ioas_id = NO_ID));
	SAYS(fd, EINVAL, "flags 0x1", MAP(flags = IOMMU_FIXED));
	SAYS(fd, EINVAL, "length is 0", MAP(length = 0));
	SAYS(fd, EINVAL, "length 0x7b", MAP(length = 123));
	SAYS(fd, EINVAL, "0x80000064", MAP(iova += 100));
	SAYS(fd, EINVAL, "byte 0x64 of a page", MAP(user_va += 100));
	SAYS(fd, EINVAL, "0xfee00000-0xfee", MAP(iova = MSI_WINDOW));
	SAYS(fd, EINVAL, self->rig.edu.pci.bdf, MAP(iova = MSI_WINDOW));
	SAYS(fd, EOVERFLOW, "0xffffffffffffffff", MAP(iova = UINT64_MAX));
	SAYS(fd, EOVERFLOW, "0xfffffffffffff000",
	     WITH(fd, IOMMU_IOAS_MAP, map,
		  iova = -PAGE; bad->length = 2 * PAGE));
	SAYS(fd, EOVERFLOW, "0xfffffffffffff000", MAP(user_va = -PAGE));
	SAYS(fd, EEXIST, "0x40000000-0x40003fff", MAP(iova = AT + 2 * PAGE));
	SAYS(fd, EEXIST, "0x40002000-0x40002fff", MAP(iova = AT + 2 * PAGE));
	snprintf(self->text, sizeof(self->text), "%p", (void *)hole);
	SAYS(fd, EFAULT, self->text, MAP(user_va = iommu_ptr(hole)));
	SILENT(fd, EFAULT, iommu_cmd(fd, IOMMU_IOAS_MAP, NULL));

	ASSERT_EQ(0, iommu_allow_iovas(fd, self->ioas, &window, 1));
	SAYS(fd, ENOSPC, "ALLOW_IOVAS",
	     WITH(fd, IOMMU_IOAS_MAP, map,
		  flags = IOMMU_RW; bad->length = 8 * PAGE));
	SAYS(fd, ENOSPC, "0x8000 bytes",
	     WITH(fd, IOMMU_IOAS_MAP, map,
		  flags = IOMMU_RW; bad->length = 8 * PAGE));
	SAYS(fd, EOVERFLOW, "0x8000000000000000",
	     WITH(fd, IOMMU_IOAS_MAP, map,
		  flags = IOMMU_RW; bad->user_va = 0;
		  bad->length = 1UL << 63));
	SAYS(fd, EINVAL, "not aligned",
	     WITH(fd, IOMMU_IOAS_MAP, map,
		  flags = IOMMU_RW; bad->user_va += 100));
#undef MAP
}

/* Out of what the IOMMU reaches at all; AMD-Vi reaches everything. */
TEST_F(errors, map_beyond_aperture)
{
	struct iommu_iova_range ranges[16];
	uint32_t nr = ARRAY_SIZE(ranges);
	uint64_t end;

	ASSERT_EQ(0, iommu_iova_ranges(self->fd, self->ioas, ranges, &nr,
				       NULL));
	end = ranges[nr - 1].last;
	if (end == UINT64_MAX)
		SKIP(return, "there is no address that the IOMMU does not translate");
	snprintf(self->text, sizeof(self->text), "%#llx-0xffffffffffffffff",
		 (unsigned long long)end + 1);
	SAYS(self->fd, EINVAL, self->text,
	     rig_map(&self->rig, self->mem, 2 * PAGE, end + 1 - PAGE));
	SAYS(self->fd, EINVAL, "out of reach of the IOMMU",
	     rig_map(&self->rig, self->mem, 2 * PAGE, end + 1 - PAGE));
}

TEST_F(errors, map_bar)
{
	struct edu *edu = &self->rig.edu;

	ASSERT_EQ(0, rig_map(&self->rig, edu->regs, edu->regs_length, FREE));
	SAYS(self->fd, EEXIST, edu->pci.bdf,
	     rig_map(&self->rig, self->mem, PAGE, FREE + PAGE));
	SAYS(self->fd, EEXIST, "0x80000000-0x800fffff, the BAR of",
	     rig_map(&self->rig, self->mem, PAGE, FREE + PAGE));
}

static void map_with_limit(void *arg)
{
	struct rig *rig = arg;
	char *mem = mem_anon(8 * PAGE);

	CHILD_EQ(0, mem_become_user(USER, 4 * PAGE));
	CHILD_EQ(-ENOMEM, rig_map(rig, mem, 8 * PAGE, FREE));
	CHILD_EQ(true, reason_explains(rig->fd, ENOMEM, "RLIMIT_MEMLOCK"));
}

TEST_F(errors, map_limit)
{
	EXPECT_EQ(0, child_run(map_with_limit, &self->rig));
}

TEST_F(errors, map_file)
{
	struct iommu_ioas_map_file map = {
		.size = sizeof(map),
		.flags = IOMMU_RW | IOMMU_FIXED,
		.ioas_id = self->ioas,
		.length = PAGE,
		.iova = FREE,
	};
	int fd = self->fd, file = mem_memfd(4 * PAGE, MFD_ALLOW_SEALING);
	char path[32];
	uint32_t child;
	int null, read_only;

	ASSERT_LE(0, file);
	map.fd = file;
	null = open("/dev/null", O_RDWR);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	read_only = open(path, O_RDONLY);
	ASSERT_LE(0, null);
	ASSERT_LE(0, read_only);

#define MAP(change) WITH(fd, IOMMU_IOAS_MAP_FILE, map, change)
	SILENT(fd, EOPNOTSUPP, MAP(flags |= 1 << 20));
	SILENT(fd, ENOENT, MAP(ioas_id = NO_ID));
	/* There is no such descriptor */
	SILENT(fd, EBADF, MAP(fd = -1));
	SAYS(fd, EINVAL, "flags 0x1", MAP(flags = IOMMU_FIXED));
	SAYS(fd, EINVAL, "length is 0", MAP(length = 0));
	SAYS(fd, EINVAL, "length 0x64", MAP(length = 100));
	SAYS(fd, EINVAL, "byte 0x64", MAP(start = 100));
	SAYS(fd, EINVAL, "0x80000064", MAP(iova += 100));
	SAYS(fd, EINVAL, "memfd", MAP(fd = null));
	SAYS(fd, EINVAL, "memfd", MAP(fd = fd));
	SAYS(fd, EINVAL, "memfd", MAP(fd = self->rig.edu.fd));
	SAYS(fd, EPERM, "open for writing", MAP(fd = read_only));
	SAYS(fd, EOVERFLOW, "0xffffffffffffffff", MAP(iova = UINT64_MAX));
	SAYS(fd, EOVERFLOW, "0x7ffffffffffff000", MAP(start = INT64_MAX & -PAGE));
	SAYS(fd, EEXIST, "0x40000000-0x40003fff", MAP(iova = AT));
	ASSERT_EQ(0, iommu_alloc_nested(fd, self->ioas, &child));
	snprintf(self->text, sizeof(self->text), "IOAS %u", child);
	SAYS(fd, EINVAL, self->text, MAP(ioas_id = child));
	ASSERT_EQ(0, fcntl(file, F_ADD_SEALS, F_SEAL_WRITE));
	SAYS(fd, EPERM, "sealed", MAP(fd = file));
#undef MAP
}

TEST_F(errors, copy)
{
	struct iommu_ioas_copy copy = {
		.size = sizeof(copy),
		.flags = IOMMU_RW | IOMMU_FIXED,
		.dst_ioas_id = self->ioas,
		.src_ioas_id = self->ioas,
		.length = PAGE,
		.dst_iova = FREE,
		.src_iova = AT,
	};
	uint32_t child;
	int fd = self->fd;

	ASSERT_EQ(0, iommu_map_fixed(fd, self->ioas, self->mem, PAGE, IOMMU_R,
				     AT + 16 * PAGE));
#define COPY(change) WITH(fd, IOMMU_IOAS_COPY, copy, change)
	SILENT(fd, EOPNOTSUPP, COPY(flags |= 1 << 20));
	SAYS(fd, ENOENT, "4711", COPY(src_ioas_id = NO_ID));
	SAYS(fd, ENOENT, "4711", COPY(dst_ioas_id = NO_ID));
	SAYS(fd, ENOENT, "0x40004000", COPY(length = 5 * PAGE));
	SAYS(fd, EINVAL, "flags 0x1", COPY(flags = IOMMU_FIXED));
	SAYS(fd, EINVAL, "length is 0", COPY(length = 0));
	SAYS(fd, EINVAL, "0x80000064", COPY(dst_iova += 100));
	SAYS(fd, EINVAL, "byte 0x64", COPY(src_iova += 100));
	SAYS(fd, EINVAL, "0xfee00000-0xfee", COPY(dst_iova = MSI_WINDOW));
	SAYS(fd, EPERM, "writeable", COPY(src_iova += 16 * PAGE));
	SAYS(fd, EEXIST, "0x40000000-0x40003fff", COPY(dst_iova = AT));
	SAYS(fd, EOVERFLOW, "0xffffffffffffffff", COPY(dst_iova = UINT64_MAX));
	SAYS(fd, EOVERFLOW, "0xfffffffffffff000",
	     WITH(fd, IOMMU_IOAS_COPY, copy,
		  src_iova = -PAGE; bad->length = 2 * PAGE));
	ASSERT_EQ(0, iommu_alloc_nested(fd, self->ioas, &child));
	snprintf(self->text, sizeof(self->text), "IOAS %u", child);
	SAYS(fd, EINVAL, self->text, COPY(dst_ioas_id = child));
#undef COPY
}

TEST_F(errors, unmap)
{
	int fd = self->fd;
	uint32_t ioas = self->ioas;

#define UNMAP(iova, length) iommu_ioas_unmap(fd, ioas, iova, length, NULL)
	SAYS(fd, ENOENT, "4711", iommu_ioas_unmap(fd, NO_ID, AT, PAGE, NULL));
	SAYS(fd, ENOENT, "nothing is mapped in 0x80000000-0x80000fff",
	     UNMAP(FREE, PAGE));
	SAYS(fd, ENOENT, "cuts the mapping 0x40000000-0x40003fff",
	     UNMAP(AT, PAGE));
	SAYS(fd, ENOENT, "cuts the mapping 0x40000000-0x40003fff",
	     UNMAP(AT + PAGE, PAGE));
	SAYS(fd, ENOENT, "cuts the mapping 0x40000000-0x40003fff",
	     UNMAP(AT - PAGE, 2 * PAGE));
	SAYS(fd, EINVAL, "length is 0", UNMAP(AT, 0));
	SAYS(fd, EOVERFLOW, "0xfffffffffffff000", UNMAP(-PAGE, 2 * PAGE));
	SAYS(fd, EOVERFLOW, "0x1000", UNMAP(UINT64_MAX, PAGE));
#undef UNMAP
}

TEST_F(errors, allow_iovas)
{
	const struct iommu_iova_range backwards = { FREE, AT };
	const struct iommu_iova_range twice[] = {
		{ AT, AT + 4 * PAGE }, { AT + PAGE, AT + 2 * PAGE },
	};
	const struct iommu_iova_range window = {
		MSI_WINDOW - PAGE, MSI_WINDOW + PAGE,
	};
	int fd = self->fd;

#define ALLOW(ranges, nr) iommu_allow_iovas(fd, self->ioas, ranges, nr)
	SILENT(fd, ENOENT, iommu_allow_iovas(fd, NO_ID, &window, 1));
	SILENT(fd, EFAULT, ALLOW(NULL, 1));
	SAYS(fd, EINVAL, "0x80000000-0x40000000", ALLOW(&backwards, 1));
	SAYS(fd, EINVAL, "number 2", ALLOW(twice, 2));
	SAYS(fd, EADDRINUSE, "0xfedff000", ALLOW(&window, 1));
	SAYS(fd, EADDRINUSE, "0xfee00000-0xfee", ALLOW(&window, 1));
#undef ALLOW
}

TEST_F(errors, iova_ranges)
{
	struct iommu_iova_range range;
	uint32_t nr = 0;

	SILENT(self->fd, ENOENT,
	       iommu_iova_ranges(self->fd, NO_ID, &range, &nr, NULL));
	/* The list is longer than the room for it */
	nr = 0;
	SILENT(self->fd, EMSGSIZE,
	       iommu_iova_ranges(self->fd, self->ioas, &range, &nr, NULL));
}

TEST_F(errors, option)
{
	int fd = self->fd, other = iommu_open();
	uint64_t value;

	ASSERT_LE(0, other);
#define SET(option, id, value) iommu_option_set(fd, option, id, value)
	SAYS(fd, EOPNOTSUPP, "option 4711", SET(4711, 0, 0));
	SAYS(fd, EOPNOTSUPP, "object_id",
	     SET(IOMMU_OPTION_RLIMIT_MODE, 1, 0));
	SILENT(fd, ENOENT, iommu_option_get(fd, IOMMU_OPTION_HUGE_PAGES, NO_ID,
					    &value));
	SAYS(fd, EINVAL, "value 2",
	     SET(IOMMU_OPTION_HUGE_PAGES, self->ioas, 2));
	SAYS(fd, EINVAL, "something mapped",
	     SET(IOMMU_OPTION_HUGE_PAGES, self->ioas, 0));
	/* The file has objects already */
	SILENT(fd, EBUSY, SET(IOMMU_OPTION_RLIMIT_MODE, 0, 1));
	SAYS(other, EINVAL, "value 2",
	     iommu_option_set(other, IOMMU_OPTION_RLIMIT_MODE, 0, 2));
#undef SET
	close(other);
}

TEST_F(errors, destroy)
{
	int fd = self->fd, queue;
	uint32_t child, hwpt, id;

	/* There is no such object */
	SILENT(fd, ENOENT, iommu_destroy(fd, NO_ID));
	SAYS(fd, EBUSY, self->rig.edu.pci.bdf, iommu_destroy(fd, self->ioas));
	SAYS(fd, EBUSY, "HWPT", iommu_destroy(fd, self->ioas));
	SAYS(fd, EBUSY, self->rig.edu.pci.bdf,
	     iommu_destroy(fd, self->rig.edu.dev_id));
	ASSERT_EQ(0, vfio_attach(self->rig.edu.fd, self->ioas, &hwpt));
	SAYS(fd, EBUSY, self->rig.edu.pci.bdf, iommu_destroy(fd, hwpt));
	ASSERT_EQ(0, vfio_detach(self->rig.edu.fd));

	ASSERT_EQ(0, iommu_hwpt_alloc(fd, self->rig.edu.dev_id, self->ioas, 0,
				      &hwpt));
	snprintf(self->text, sizeof(self->text), "HWPT %u uses it", hwpt);
	SAYS(fd, EBUSY, self->text, iommu_destroy(fd, self->ioas));
	ASSERT_EQ(0, iommu_destroy(fd, hwpt));
	ASSERT_EQ(0, iommu_alloc_nested(fd, self->ioas, &child));
	snprintf(self->text, sizeof(self->text), "IOAS %u uses it", child);
	SAYS(fd, EBUSY, self->text, iommu_destroy(fd, self->ioas));

	ASSERT_EQ(0, iommu_eventq_alloc(fd, 0, 0, &id, &queue));
	SAYS(fd, EBUSY, "descriptor", iommu_destroy(fd, id));
	close(queue);
}

TEST_F(errors, change_process)
{
	SAYS(self->fd, EINVAL, "0x40000000-0x40003fff",
	     iommu_change_process(self->fd));
}

TEST_F(errors, nested)
{
	uint32_t parent = self->ioas, child, depth = 0;
	int fd = self->fd, rc;

	/* There is no such IOAS */
	SILENT(fd, ENOENT, iommu_alloc_nested(fd, NO_ID, &child));
	ASSERT_EQ(0, iommu_alloc_nested(fd, parent, &child));
	SAYS(fd, EFAULT, "0x40004000",
	     iommu_map_fixed(fd, child, (void *)AT, 5 * PAGE, IOMMU_RW, FREE));
	ASSERT_EQ(0, iommu_map_fixed(fd, parent, self->mem, PAGE, IOMMU_R,
				     FREE));
	SAYS(fd, EPERM, "0x80000000",
	     iommu_map_fixed(fd, child, (void *)FREE, PAGE, IOMMU_W, FREE));
	SAYS(fd, EINVAL, "length is 0",
	     iommu_map_fixed(fd, child, (void *)AT, 0, IOMMU_RW, FREE));
	ASSERT_EQ(0, iommu_map_fixed(fd, child, (void *)AT, PAGE, IOMMU_RW,
				     FREE));
	SAYS(fd, EEXIST, "0x80000000-0x80000fff, made of its parent",
	     iommu_map_fixed(fd, child, (void *)AT, PAGE, IOMMU_RW, FREE));
	while (!(rc = iommu_alloc_nested(fd, parent, &child)) && ++depth < 99)
		parent = child;
	ASSERT_EQ(-EOVERFLOW, rc);
	snprintf(self->text, sizeof(self->text), "IOAS %u", parent);
	EXPECT_TRUE(reason_explains(fd, EOVERFLOW, self->text));
}

TEST_F(errors, vfio_ioas)
{
	int fd = self->fd;
	uint32_t id = 0;

	SAYS(fd, ENODEV, "no group", iommu_vfio_ioas_get(fd, &id));
	SILENT(fd, ENOENT, iommu_vfio_ioas_set(fd, NO_ID));
	SAYS(fd, EOPNOTSUPP, "operation 7", iommu_vfio_ioas(fd, 7, &id));
}

/* Page tables and devices -------------------------------------------------------- */

TEST_F(errors, hwpt_alloc)
{
	uint32_t dev = self->rig.edu.dev_id, hwpt;
	int fd = self->fd;

	SAYS(fd, ENOENT, "device with the ID 4711",
	     iommu_hwpt_alloc(fd, NO_ID, self->ioas, 0, &hwpt));
	SAYS(fd, EINVAL, "4711", iommu_hwpt_alloc(fd, dev, NO_ID, 0, &hwpt));
	SAYS(fd, EINVAL, "neither IOAS nor HWPT",
	     iommu_hwpt_alloc(fd, dev, dev, 0, &hwpt));
	SAYS(fd, EINVAL, "data_type 7",
	     iommu_hwpt_alloc_user(fd, dev, self->ioas, 7, NULL, 0, 0, &hwpt));
	SAYS(fd, ENOENT, "fault queue with the ID 4711",
	     iommu_hwpt_alloc_fault(fd, dev, self->ioas, 0, NO_ID, &hwpt));
	SAYS(fd, EOPNOTSUPP, self->rig.edu.pci.bdf,
	     iommu_hwpt_alloc(fd, dev, self->ioas,
			      IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	SILENT(fd, EOPNOTSUPP,
	       iommu_hwpt_alloc(fd, dev, self->ioas, 1 << 20, &hwpt));
}

TEST_F(errors, hwpt_commands)
{
	uint32_t dev = self->rig.edu.dev_id, hwpt, entries = 1;
	uint64_t bits[8] = { };
	int fd = self->fd;

	ASSERT_EQ(0, iommu_hwpt_alloc(fd, dev, self->ioas, 0, &hwpt));
#define INVALIDATE(hwpt, length) ({					\
	entries = 1;							\
	iommu_hwpt_invalidate(fd, hwpt, bits, 1, length, &entries); })
	SAYS(fd, ENOENT, "4711", INVALIDATE(NO_ID, 8));
	SAYS(fd, ENOENT, "not nested", INVALIDATE(hwpt, 8));
	SAYS(fd, EINVAL, "1 entries of 0 bytes", INVALIDATE(hwpt, 0));
#undef INVALIDATE
#define DIRTY(iova, length, size)					\
	iommu_hwpt_get_dirty(fd, hwpt, 0, iova, length, size, bits)
	SAYS(fd, EINVAL, "length is 0", DIRTY(AT, 0, PAGE));
	SAYS(fd, EINVAL, "page_size 3", DIRTY(AT, PAGE, 3));
	SAYS(fd, EINVAL, "0x40000064", DIRTY(AT + 100, PAGE, PAGE));
	SAYS(fd, EOVERFLOW, "0xfffffffffffff000",
	     DIRTY(-PAGE, 2 * PAGE, PAGE));
#undef DIRTY
}

TEST_F(errors, devices)
{
	uint32_t dev = self->rig.edu.dev_id;
	struct ioasid_device_info info = { };
	struct iommu_hw_info hw = { };
	int fd = self->fd, queue;

	SAYS(fd, ENOENT, "device with the ID 4711",
	     iommu_pasid_attach(fd, NO_ID, 1, self->ioas));
	SAYS(fd, ENOENT, "4711", iommu_pasid_attach(fd, dev, 1, NO_ID));
	SAYS(fd, EINVAL, "PASID 0", iommu_pasid_attach(fd, dev, 0, self->ioas));
	SAYS(fd, EOPNOTSUPP, self->rig.edu.pci.bdf,
	     iommu_pasid_attach(fd, dev, 1, self->ioas));
	SILENT(fd, ENOENT, iommu_device_info(fd, NO_ID, &info));
	/* The list is longer than the room for it */
	SILENT(fd, EMSGSIZE, iommu_device_info(fd, dev, &info));
	SILENT(fd, ENOENT, iommu_get_hw_info(fd, NO_ID, &hw));
	SILENT(fd, ENOENT, iommu_eventq_alloc(fd, NO_ID, 0, NULL, &queue));
	SAYS(fd, EINVAL, "4294967295",
	     iommu_eventq_alloc(fd, 0, UINT32_MAX, NULL, &queue));
}

/* Batches: of the entry that has failed ------------------------------------------ */

#define ENTRIES 4

static void fill(struct ioasid_batch_entry *e, char *mem)
{
	unsigned int i;

	for (i = 0; i < ENTRIES; i++)
		e[i] = (struct ioasid_batch_entry) {
			.src = iommu_ptr(mem + i * PAGE),
			.iova = FREE + i * PAGE,
			.length = PAGE,
			.flags = IOMMU_RW | IOMMU_FIXED,
		};
}

TEST_F(errors, map_batch)
{
	struct ioasid_batch_entry e[ENTRIES];
	int fd = self->fd;
	uint32_t done;

#define BATCH(change) ({						\
	iommu_unmap_batch(fd, self->ioas, e, 0, &done);			\
	iommu_ioas_unmap(fd, self->ioas, FREE, ENTRIES * PAGE, NULL);	\
	fill(e, self->mem);						\
	change;								\
	ASSERT_TRUE(leave_sentence(fd));				\
	iommu_map_batch(fd, self->ioas, e, ENTRIES, &done); })
#define BATCH_SAYS(error, part, change) do {				\
	EXPECT_EQ(-(error), BATCH(change));				\
	EXPECT_EQ(2, done);						\
	EXPECT_TRUE(reason_explains(fd, error, part));			\
} while (0)

	SAYS(fd, ENOENT, "4711", iommu_map_batch(fd, NO_ID, e, 1, &done));
	fill(e, self->mem);
	SAYS(fd, EINVAL, "entries",
	     iommu_map_batch(fd, self->ioas, e, UINT32_MAX, &done));
	SILENT(fd, EFAULT, iommu_map_batch(fd, self->ioas, NULL, 1, &done));
	BATCH_SAYS(EEXIST, "0x40000000-0x40003fff", e[2].iova = AT);
	BATCH_SAYS(EEXIST, "0x80001000-0x80001fff", e[2].iova = FREE + PAGE);
	BATCH_SAYS(EINVAL, "0x80002064", e[2].iova += 100);
	BATCH_SAYS(EINVAL, "length is 0", e[2].length = 0);
	BATCH_SAYS(EINVAL, "length 0x64", e[2].length = 100);
	BATCH_SAYS(EINVAL, "byte 0x64", e[2].src += 100);
	BATCH_SAYS(EINVAL, "0xfee00000-0xfee", e[2].iova = MSI_WINDOW);
	BATCH_SAYS(EINVAL, "flags 0x1", e[2].flags = IOMMU_FIXED);
	BATCH_SAYS(EOVERFLOW, "0xffffffffffffffff", e[2].iova = UINT64_MAX);
	BATCH_SAYS(EOVERFLOW, "0xfffffffffffff000", e[2].src = -PAGE);
	EXPECT_EQ(-EOPNOTSUPP, BATCH(e[2].flags |= 1 << 20));
	EXPECT_TRUE(reason_none(fd));
#undef BATCH
#undef BATCH_SAYS
}

TEST_F(errors, unmap_batch)
{
	struct ioasid_batch_entry e[2];
	int fd = self->fd;
	uint32_t done;

#define BATCH_SAYS(error, part, iova_, length_) do {			\
	memset(e, 0, sizeof(e));					\
	rig_map(&self->rig, self->mem, PAGE, FREE);			\
	e[0].iova = FREE;						\
	e[0].length = PAGE;						\
	e[1].iova = iova_;						\
	e[1].length = length_;						\
	SAYS(fd, error, part,						\
	     iommu_unmap_batch(fd, self->ioas, e, 2, &done));		\
	EXPECT_EQ(1, done);						\
} while (0)
	SAYS(fd, ENOENT, "4711", iommu_unmap_batch(fd, NO_ID, e, 1, &done));
	BATCH_SAYS(ENOENT, "nothing is mapped in 0x90000000-0x90000fff",
		   0x90000000, PAGE);
	BATCH_SAYS(ENOENT, "cuts the mapping 0x40000000-0x40003fff", AT, PAGE);
	BATCH_SAYS(EINVAL, "length is 0", AT, 0);
	BATCH_SAYS(EOVERFLOW, "0xfffffffffffff000", -PAGE, 2 * PAGE);
#undef BATCH_SAYS
}

/* What VFIO asks for the user ---------------------------------------------------- */

TEST_F(errors, attach)
{
	struct edu *edu = &self->rig.edu;
	int fd = self->fd;
	uint32_t id;

	SAYS(fd, ENOENT, "4711", vfio_attach(edu->fd, NO_ID, NULL));
	SAYS(fd, EINVAL, "device", vfio_attach(edu->fd, edu->dev_id, NULL));
	ASSERT_EQ(0, vfio_detach(edu->fd));
	ASSERT_EQ(0, iommu_ioas_alloc(fd, &id));
	ASSERT_EQ(0, iommu_map_fixed(fd, id, self->mem, PAGE, IOMMU_RW,
				     MSI_WINDOW));
	SAYS(fd, EADDRINUSE, "0xfee00000", vfio_attach(edu->fd, id, NULL));
	ASSERT_EQ(0, iommu_ioas_unmap(fd, id, MSI_WINDOW, PAGE, NULL));
	ASSERT_EQ(0, iommu_map_fixed(fd, id, self->mem, 100, IOMMU_RW, AT));
	SAYS(fd, EADDRINUSE, "0x40000000-0x40000063",
	     vfio_attach(edu->fd, id, NULL));
	/* An attach that goes well leaves no sentence of what it has tried */
	ASSERT_TRUE(leave_sentence(fd));
	ASSERT_EQ(0, vfio_attach(edu->fd, self->ioas, NULL));
	EXPECT_TRUE(reason_none(fd));
}

TEST_F(errors, bind)
{
	struct vfio_pci pair[2];
	int fd = iommu_open(), device;
	struct edu first;
	uint32_t id;

	ASSERT_LE(0, fd);
	if (edu_find_pair(pair))
		SKIP(return, "needs two devices in one group");
	ASSERT_EQ(0, edu_open(&first, &pair[0], self->fd));
	device = vfio_cdev_open(&pair[1]);
	ASSERT_LE(0, device);
	SAYS(fd, EBUSY, pair[0].bdf, vfio_bind(device, fd, &id));
	ASSERT_TRUE(leave_sentence(self->fd));
	ASSERT_EQ(0, vfio_bind(device, self->fd, &id));
	EXPECT_TRUE(reason_none(self->fd));
	close(device);
	edu_close(&first);
	close(fd);
}

TEST_HARNESS_MAIN
