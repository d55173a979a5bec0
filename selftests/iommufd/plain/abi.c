// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules that every command of /dev/iommu obeys, whatever it does: how
 * structures grow, what a bad pointer, flag, reserved field or ID gives.
 *
 * One row of the table is one command with a call that is right in
 * everything; each test spoils one thing of every row.
 */
#define _GNU_SOURCE
#include <sys/stat.h>

#include "abi_rows.h"

#define for_each_row(row) \
	for (row = rows; row != rows + ARRAY_SIZE(rows); row++)

static int env_open(struct env *env)
{
	int rc;

	memset(env, 0, sizeof(*env));
	env->file = -1;
	env->range.start = 0x1000;
	env->range.last = UINT32_MAX;
	env->buf = mem_anon(SPACE);
	if (!env->buf)
		return -ENOMEM;
	env->fd = iommu_open();
	if (env->fd < 0)
		return env->fd;
	rc = iommu_ioas_alloc(env->fd, &env->ioas);
	if (!rc)
		rc = iommu_ioas_alloc(env->fd, &env->spare);
	if (!rc)
		rc = iommu_map_fixed(env->fd, env->ioas, env->buf, SPACE,
				     IOMMU_RW, MAPPED_AT);
	return rc;
}

static void env_close(struct env *env)
{
	close(env->fd);
	if (env->file >= 0)
		close(env->file);
	mem_free(env->buf, SPACE);
}

static void put32(void *arg, size_t at, uint32_t val)
{
	memcpy((char *)arg + at, &val, sizeof(val));
}

/* A call with one thing spoilt. */
struct spoil {
	/* the size to claim (0 means the row's) */
	size_t size;
	/* a 32-bit field to overwrite, if @set */
	bool set;
	size_t at;
	uint32_t val;
	/* a byte to set to 1, if not 0 */
	size_t byte;
	/* where the structure goes (NULL: a buffer of this function) */
	void *place;
};

/*
 * The environment is new after a call that succeeded, as that changed it, and
 * the same after one that failed, as that must not.
 */
static int call_spoilt(const struct row *row, const struct spoil *spoil)
{
	size_t size = spoil->size ? spoil->size : row->size;
	size_t room = size > row->size ? size : row->size;
	static const struct row *env_row;
	static struct env env;
	char *arg;
	int rc;

	arg = calloc(1, room);
	if (!arg)
		return -EXFULL;
	if (env_row != row) {
		if (env_row)
			env_close(&env);
		env_row = NULL;
		if (env_open(&env))
			return -EXFULL;
		env_row = row;
	}
	put32(arg, 0, size);
	row->fill(&env, arg);
	if (spoil->set)
		put32(arg, spoil->at, spoil->val);
	if (spoil->byte)
		arg[spoil->byte] = 1;
	if (spoil->place) {
		memcpy(spoil->place, arg, size);
		rc = iommu_cmd(env.fd, row->cmd, spoil->place);
	} else {
		rc = iommu_cmd(env.fd, row->cmd, arg);
	}
	if (!rc) {
		env_close(&env);
		env_row = NULL;
	}
	free(arg);
	return rc;
}

static bool has(const struct row *row)
{
	int fd = iommu_open();
	bool yes = iommu_has_cmd(fd, row->cmd);

	close(fd);
	return yes;
}

#define EXPECT_ROW(want, row, ...)					\
	EXPECT_EQ(want, call_spoilt(row, &(struct spoil){ __VA_ARGS__ }))\
		TH_LOG("%s { " #__VA_ARGS__ " }", (row)->name)

TEST(device_node)
{
	struct stat st;

	ASSERT_EQ(0, stat(IOMMU_DEV, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	/* Nobody but root, until the administrator says otherwise */
	EXPECT_EQ(0, st.st_mode & 07);
}

TEST(not_a_stream)
{
	char c = 0;
	int fd = iommu_open();

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, read(fd, &c, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(fd, &c, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENXIO, errno);
}

TEST(every_command_is_there)
{
	const struct row *row;

	for_each_row(row) {
		EXPECT_TRUE(row->optional || has(row))
			TH_LOG("%s", row->name);
	}
}

TEST(right_call)
{
	const struct row *row;

	for_each_row(row) {
		if (!has(row))
			continue;
		EXPECT_ROW(row->good, row);
	}
}

TEST(structure_too_short)
{
	const struct row *row;
	size_t size;

	for_each_row(row) {
		if (!has(row))
			continue;
		EXPECT_ROW(-EINVAL, row, .set = true, .at = 0, .val = 0);
		for (size = 1; size < row->min; size++) {
			EXPECT_ROW(-EINVAL, row, .size = size);
		}
	}
}

/* Not a byte beyond the size is read or written. */
TEST(structure_of_minimal_size)
{
	const struct row *row;
	void *place;

	for_each_row(row) {
		if (!has(row))
			continue;
		place = mem_before_hole(row->min);
		ASSERT_NE(NULL, place);
		EXPECT_ROW(row->good, row, .size = row->min, .place = place);
		place = mem_before_hole(row->size);
		ASSERT_NE(NULL, place);
		EXPECT_ROW(row->good, row, .place = place);
	}
}

TEST(structure_with_zero_tail)
{
	const struct row *row;

	for_each_row(row) {
		if (!has(row))
			continue;
		EXPECT_ROW(row->good, row, .size = row->size + 1);
		EXPECT_ROW(row->good, row, .size = row->size + 8);
		EXPECT_ROW(row->good, row, .size = mem_page());
	}
}

/* The tail may be of any length: newer user space knows more than we do. */
TEST(structure_beyond_a_page)
{
	const struct row *row;

	for_each_row(row) {
		if (!has(row))
			continue;
		EXPECT_ROW(row->good, row, .size = 3 * mem_page());
	}
}

TEST(structure_with_unknown_tail)
{
	const struct row *row;

	for_each_row(row) {
		if (!has(row))
			continue;
		EXPECT_ROW(-E2BIG, row, .size = row->size + 1,
			   .byte = row->size);
		EXPECT_ROW(-E2BIG, row, .size = row->size + 8,
			   .byte = row->size + 7);
		EXPECT_ROW(-E2BIG, row, .size = mem_page(),
			   .byte = mem_page() - 1);
		EXPECT_ROW(-E2BIG, row, .size = 3 * mem_page(),
			   .byte = 3 * mem_page() - 1);
	}
}

TEST(structure_runs_into_a_hole)
{
	const struct row *row;
	void *place;
	int rc;

	for_each_row(row) {
		struct env env;

		if (!has(row))
			continue;
		/* The tail is zero as far as it goes */
		place = mem_before_hole(row->size + 8);
		ASSERT_NE(NULL, place);
		ASSERT_EQ(0, env_open(&env));
		memset(place, 0, row->size + 8);
		put32(place, 0, row->size + 16);
		row->fill(&env, place);
		EXPECT_EQ(-EFAULT, iommu_cmd(env.fd, row->cmd, place))
			TH_LOG("%s", row->name);
		/* As long as can be */
		put32(place, 0, UINT32_MAX);
		rc = iommu_cmd(env.fd, row->cmd, place);
		EXPECT_TRUE(rc == -EFAULT || rc == -E2BIG)
			TH_LOG("%s: %d", row->name, rc);
		/* Only the size is there */
		place = mem_before_hole(4);
		ASSERT_NE(NULL, place);
		put32(place, 0, row->size);
		EXPECT_EQ(-EFAULT, iommu_cmd(env.fd, row->cmd, place))
			TH_LOG("%s", row->name);
		/* Not even that */
		place = mem_before_hole(2);
		ASSERT_NE(NULL, place);
		memset(place, 0, 2);
		EXPECT_EQ(-EFAULT, iommu_cmd(env.fd, row->cmd, place))
			TH_LOG("%s", row->name);
		env_close(&env);
	}
}

TEST(bad_pointer)
{
	void *hole = mem_reserve(mem_page());
	const struct row *row;
	int fd;

	ASSERT_NE(NULL, hole);
	for_each_row(row) {
		if (!has(row))
			continue;
		fd = iommu_open();
		ASSERT_LE(0, fd);
		EXPECT_EQ(-EFAULT, iommu_cmd(fd, row->cmd, NULL))
			TH_LOG("%s", row->name);
		EXPECT_EQ(-EFAULT, iommu_cmd(fd, row->cmd, hole))
			TH_LOG("%s", row->name);
		EXPECT_EQ(-EFAULT, iommu_cmd(fd, row->cmd,
					     (void *)KERNEL_ADDRESS))
			TH_LOG("%s", row->name);
		EXPECT_EQ(-EFAULT, iommu_cmd(fd, row->cmd, (void *)-1))
			TH_LOG("%s", row->name);
		close(fd);
	}
}

TEST(read_only_structure)
{
	const struct row *row;
	struct env env;
	char *place;

	for_each_row(row) {
		if (!has(row))
			continue;
		place = mem_anon(mem_page());
		ASSERT_NE(NULL, place);
		ASSERT_EQ(0, env_open(&env));
		put32(place, 0, row->size);
		row->fill(&env, place);
		ASSERT_EQ(0, mprotect(place, mem_page(), PROT_READ));
		EXPECT_EQ(row->answers ? -EFAULT : row->good,
			  iommu_cmd(env.fd, row->cmd, place))
			TH_LOG("%s", row->name);
		env_close(&env);
		mem_free(place, mem_page());
	}
}

/* What an allocation could not report is not there. */
TEST(read_only_structure_leaves_no_object)
{
	const unsigned long cmds[] = {
		IOMMU_IOAS_ALLOC, IOMMU_FAULT_QUEUE_ALLOC,
	};
	uint32_t *place = mem_anon(mem_page());
	uint32_t before, after, id;
	int fd = iommu_open();
	int next_fd;
	unsigned int i;

	ASSERT_NE(NULL, place);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, iommu_ioas_alloc(fd, &before));
	next_fd = dup(fd);
	ASSERT_LE(0, next_fd);
	close(next_fd);
	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		if (!iommu_has_cmd(fd, cmds[i]))
			continue;
		ASSERT_EQ(0, mprotect(place, mem_page(),
				      PROT_READ | PROT_WRITE));
		memset(place, 0, mem_page());
		place[0] = cmds[i] == IOMMU_IOAS_ALLOC ?
				   sizeof(struct iommu_ioas_alloc) :
				   sizeof(struct iommu_fault_alloc);
		ASSERT_EQ(0, mprotect(place, mem_page(), PROT_READ));
		EXPECT_EQ(-EFAULT, iommu_cmd(fd, cmds[i], place));
	}
	ASSERT_EQ(0, iommu_ioas_alloc(fd, &after));
	for (id = 0; id <= after + 8; id++) {
		if (id == before || id == after)
			continue;
		EXPECT_EQ(-ENOENT, iommu_destroy(fd, id));
	}
	EXPECT_EQ(0, iommu_destroy(fd, before));
	EXPECT_EQ(0, iommu_destroy(fd, after));
	/* Nor is a file descriptor */
	EXPECT_EQ(next_fd, dup(fd));
}

TEST(unknown_flag)
{
	const struct row *row;
	unsigned int bit;

	for_each_row(row) {
		if (!row->flags || !has(row))
			continue;
		for (bit = 0; bit < 32; bit++) {
			if (row->known & (1U << bit))
				continue;
			EXPECT_ROW(-EOPNOTSUPP, row, .set = true,
				   .at = row->flags,
				   .val = row->known | (1U << bit));
		}
	}
}

TEST(reserved_field_not_zero)
{
	const struct row *row;
	unsigned int i, byte;

	for_each_row(row)
		for (i = 0; i < ARRAY_SIZE(row->reserved); i++) {
			if (!row->reserved[i].at || !has(row))
				continue;
			for (byte = 0; byte < row->reserved[i].len; byte++) {
				EXPECT_ROW(-EOPNOTSUPP, row,
					   .byte = row->reserved[i].at + byte);
			}
		}
}

TEST(unknown_id)
{
	static const uint32_t ids[] = { 0, 3, 1000, INT32_MAX,
					1U << 31, UINT32_MAX };
	const struct row *row;
	unsigned int i, j;

	for_each_row(row)
		for (i = 0; i < ARRAY_SIZE(row->ids); i++) {
			if (!row->ids[i] || !has(row))
				continue;
			for (j = 0; j < ARRAY_SIZE(ids); j++) {
				EXPECT_ROW(-ENOENT, row, .set = true,
					   .at = row->ids[i], .val = ids[j]);
			}
		}
}

/* How a test below makes an ID that nothing may accept. */
typedef int (*bad_id_fn)(struct env *env, uint32_t *id);

static int make_ioas(struct env *env, uint32_t *id)
{
	*id = env->ioas;
	return 0;
}

static void expect_bad_id(struct __test_metadata *_metadata, bool ioas_wanted,
			  bad_id_fn make)
{
	const struct row *row;
	char arg[256];
	uint32_t id;
	unsigned int i;
	struct env env;

	for_each_row(row)
		for (i = 0; i < ARRAY_SIZE(row->ids); i++) {
			if (!row->ids[i] || row->ids_are_ioas != ioas_wanted ||
			    !has(row))
				continue;
			/* Which takes any type */
			if (make == make_ioas && row->cmd == IOMMU_DESTROY)
				continue;
			ASSERT_EQ(0, env_open(&env));
			memset(arg, 0, sizeof(arg));
			put32(arg, 0, row->size);
			row->fill(&env, arg);
			ASSERT_EQ(0, make(&env, &id));
			put32(arg, row->ids[i], id);
			EXPECT_EQ(-ENOENT, iommu_cmd(env.fd, row->cmd, arg))
				TH_LOG("%s", row->name);
			env_close(&env);
		}
}

static int make_fault_queue(struct env *env, uint32_t *id)
{
	int fault_fd;
	int rc = iommu_fault_queue_alloc(env->fd, id, &fault_fd);

	if (!rc)
		close(fault_fd);
	return rc;
}

static int make_destroyed(struct env *env, uint32_t *id)
{
	*id = env->spare;
	return iommu_destroy(env->fd, env->spare);
}

static int make_foreign(struct env *env, uint32_t *id)
{
	int fd = iommu_open(), i, rc = 0;

	/* More objects than the other fd has: an ID that exists only here */
	for (i = 0; i < 32 && !rc; i++)
		rc = iommu_ioas_alloc(fd, id);
	/* It stays open as long as the test runs */
	(void)env;
	return rc;
}

TEST(ioas_is_not_a_device_or_page_table)
{
	expect_bad_id(_metadata, false, make_ioas);
}

TEST(fault_queue_is_not_an_ioas)
{
	int fd = iommu_open();

	ASSERT_LE(0, fd);
	if (!iommu_has_cmd(fd, IOMMU_FAULT_QUEUE_ALLOC))
		SKIP(return, "no FAULT_QUEUE_ALLOC in this module");
	expect_bad_id(_metadata, true, make_fault_queue);
}

TEST(destroyed_id)
{
	expect_bad_id(_metadata, true, make_destroyed);
	expect_bad_id(_metadata, false, make_destroyed);
}

TEST(id_of_another_fd)
{
	expect_bad_id(_metadata, true, make_foreign);
	expect_bad_id(_metadata, false, make_foreign);
}

TEST(unknown_command)
{
	/* Never given out, or by newer versions only: 0x95 is IOAS_NOIOMMU_GET_PA */
	static const unsigned int nrs[] = {
		0, 1, 0x63, 0x7f, 0x95, 0xa0, 0xbf, 0xff,
	};
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	char arg[256] = { sizeof(alloc) };
	int fd = iommu_open();
	const struct row *row;
	unsigned int i;

	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(nrs); i++) {
		EXPECT_EQ(-ENOTTY,
			  iommu_cmd(fd, _IO(IOMMUFD_TYPE, nrs[i]), arg))
			TH_LOG("number %#x", nrs[i]);
	}
	/* Right number, but of another type, or with a size or direction */
	for_each_row(row) {
		EXPECT_EQ(-ENOTTY, iommu_cmd(fd, row->cmd ^ 0x100, arg))
			TH_LOG("%s", row->name);
		EXPECT_EQ(-ENOTTY, iommu_cmd(fd, row->cmd | _IOC(_IOC_READ, 0,
								 0, 0), arg))
			TH_LOG("%s", row->name);
		EXPECT_EQ(-ENOTTY, iommu_cmd(fd, row->cmd | _IOC(0, 0, 0, 8),
					     arg))
			TH_LOG("%s", row->name);
	}
	EXPECT_EQ(0, iommu_cmd(fd, IOMMU_IOAS_ALLOC, &alloc));
}

TEST(ids_are_per_fd)
{
	uint32_t a[16], b;
	int fd = iommu_open(), fd2 = iommu_open(), copy;
	unsigned int i, j;

	ASSERT_LE(0, fd);
	ASSERT_LE(0, fd2);
	for (i = 0; i < ARRAY_SIZE(a); i++) {
		ASSERT_EQ(0, iommu_ioas_alloc(fd, &a[i]));
		EXPECT_NE(0, a[i]);
		/* Fits into a positive __s32, for languages without unsigned */
		EXPECT_GE(INT32_MAX, a[i]);
		for (j = 0; j < i; j++) {
			EXPECT_NE(a[j], a[i]);
		}
	}
	ASSERT_EQ(0, iommu_ioas_alloc(fd2, &b));
	EXPECT_EQ(0, iommu_destroy(fd, a[3]));
	EXPECT_EQ(-ENOENT, iommu_destroy(fd, a[3]));
	EXPECT_EQ(0, iommu_destroy(fd2, b));
	EXPECT_EQ(-ENOENT, iommu_destroy(fd2, b));
	EXPECT_EQ(0, iommu_destroy(fd, a[4]));

	/* A duplicate of the descriptor is the same set of objects */
	copy = dup(fd);
	ASSERT_LE(0, copy);
	close(fd);
	EXPECT_EQ(0, iommu_destroy(copy, a[5]));
	EXPECT_EQ(-ENOENT, iommu_destroy(copy, a[4]));
}

/* Structures are ABI: the numbers are what other programs were built with. */
#define LAYOUT(type, bytes, last, at)					\
	do {								\
		EXPECT_EQ(bytes, sizeof(struct type));			\
		EXPECT_EQ(at, offsetof(struct type, last));		\
		EXPECT_EQ(0, offsetof(struct type, size));		\
	} while (0)

TEST(layout)
{
	LAYOUT(iommu_destroy, 8, id, 4);
	LAYOUT(iommu_ioas_alloc, 12, out_ioas_id, 8);
	LAYOUT(iommu_ioas_iova_ranges, 32, out_iova_alignment, 24);
	LAYOUT(iommu_ioas_allow_iovas, 24, allowed_iovas, 16);
	LAYOUT(iommu_ioas_map, 40, iova, 32);
	LAYOUT(iommu_ioas_copy, 40, src_iova, 32);
	LAYOUT(iommu_ioas_unmap, 24, length, 16);
	LAYOUT(iommu_option, 24, val64, 16);
	LAYOUT(iommu_vfio_ioas, 12, op, 8);
	LAYOUT(iommu_hwpt_alloc, 48, fault_id, 40);
	LAYOUT(iommu_hw_info, 40, out_capabilities, 32);
	LAYOUT(iommu_hwpt_set_dirty_tracking, 16, hwpt_id, 8);
	LAYOUT(iommu_hwpt_get_dirty_bitmap, 48, data, 40);
	LAYOUT(iommu_hwpt_invalidate, 32, entry_num, 24);
	LAYOUT(iommu_fault_alloc, 16, out_fault_fd, 12);
	LAYOUT(iommu_ioas_map_file, 40, iova, 32);
	LAYOUT(iommu_ioas_change_process, 8, __reserved, 4);
	EXPECT_EQ(16, sizeof(struct iommu_iova_range));
	EXPECT_EQ(12, offsetof(struct iommu_ioas_map_file, fd));
	EXPECT_EQ(16, offsetof(struct iommu_ioas_map_file, start));
	EXPECT_EQ(12, offsetof(struct iommu_ioas_map, __reserved));
	EXPECT_EQ(10, offsetof(struct iommu_option, __reserved));
}

TEST(command_numbers)
{
	static const unsigned long cmds[] = {
		IOMMU_DESTROY, IOMMU_IOAS_ALLOC, IOMMU_IOAS_ALLOW_IOVAS,
		IOMMU_IOAS_COPY, IOMMU_IOAS_IOVA_RANGES, IOMMU_IOAS_MAP,
		IOMMU_IOAS_UNMAP, IOMMU_OPTION, IOMMU_VFIO_IOAS,
		IOMMU_HWPT_ALLOC, IOMMU_GET_HW_INFO,
		IOMMU_HWPT_SET_DIRTY_TRACKING, IOMMU_HWPT_GET_DIRTY_BITMAP,
		IOMMU_HWPT_INVALIDATE, IOMMU_FAULT_QUEUE_ALLOC,
		IOMMU_IOAS_MAP_FILE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		EXPECT_EQ(0x3b80 + i, cmds[i]);
	}
	EXPECT_EQ(0x3b92, IOMMU_IOAS_CHANGE_PROCESS);
}

TEST_HARNESS_MAIN
