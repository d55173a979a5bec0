// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why memory cannot be pinned: that the sentence names what is wrong, and where.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/pci_regs.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "access.h"
#include "child.h"
#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"

#define PAGE 4096UL
#define AT 0x40000000UL
#define USER 1234
#define TEXT 192

#ifndef __NR_memfd_secret
#define __NR_memfd_secret 447
#endif

FIXTURE(pin)
{
	struct rig rig;
};

FIXTURE_SETUP(pin)
{
	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(0, rig_attach(&self->rig));
}

FIXTURE_TEARDOWN(pin)
{
	EXPECT_EQ(0, rig_close(&self->rig));
}

/* Has the last failure been explained by a sentence with this in it? */
__attribute__((format(printf, 3, 4)))
static bool says(const struct rig *rig, int error, const char *format, ...)
{
	char text[TEXT] = "", part[TEXT];
	uint32_t len = TEXT, about = 0;
	va_list args;
	int rc;

	va_start(args, format);
	vsnprintf(part, sizeof(part), format, args);
	va_end(args);
	rc = iommu_last_reason(rig->fd, text, &len, &about);
	if (!rc && (int)about == error && len < TEXT && strstr(text, part))
		return true;
	printf("# %d: errno %u, \"%s\", not %d with \"%s\"\n", rc, about, text,
	       error, part);
	return false;
}

#define EXPECT_SAYS(error, ...) EXPECT_TRUE(says(&self->rig, error, __VA_ARGS__))

static int map(const struct rig *rig, void *va, size_t size)
{
	return iommu_map_fixed(rig->fd, rig->ioas, va, size, IOMMU_RW, AT);
}

static int map_file(const struct rig *rig, int file, size_t size, uint32_t prot)
{
	return iommu_map_file_fixed(rig->fd, rig->ioas, file, 0, size, prot, AT);
}

TEST_F(pin, nothing_there)
{
	char *p = mem_reserve(PAGE);

	mem_free(p, PAGE);
	EXPECT_EQ(-EFAULT, map(&self->rig, p, PAGE));
	EXPECT_SAYS(EFAULT, "1 page at user address %p", p);
	EXPECT_SAYS(EFAULT, "nothing is mapped at %p", p);
}

/* Not where it begins, but where it is wrong. */
TEST_F(pin, partly_there)
{
	char *p = mem_before_hole(600 * PAGE);

	EXPECT_EQ(-EFAULT, map(&self->rig, p, 601 * PAGE));
	EXPECT_SAYS(EFAULT, "601 pages at user address %p", p);
	EXPECT_SAYS(EFAULT, "nothing is mapped at %p", p + 600 * PAGE);
}

TEST_F(pin, not_of_the_user)
{
	static const uint64_t wrong[] = {
		0x00007ffffffff000, 0x0000800000000000, 0x0123456789abc000,
		0x8000000000000000, 0xffff800000000000, 0xffff888000000000,
		0xffffffff81000000, 0xffffffff81200000, 0xffffffffff600000,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		void *p = (void *)(uintptr_t)wrong[i];

		EXPECT_EQ(-EFAULT, map(&self->rig, p, PAGE))
			TH_LOG("%p", p);
		EXPECT_SAYS(EFAULT, "user address %p", p);
		EXPECT_SAYS(EFAULT, "%p is not an address of a process", p);
		EXPECT_EQ(-EFAULT, map(&self->rig, p, 2 * MEM_HUGE))
			TH_LOG("%p", p);
	}
	/* One that begins well. */
	EXPECT_EQ(-EFAULT, map(&self->rig, (void *)0x7fffffffd000, 4 * PAGE));
	EXPECT_SAYS(EFAULT, "4 pages at user address 0x7fffffffd000");
}

TEST_F(pin, read_only)
{
	char *p = mem_anon(2 * PAGE);

	ASSERT_EQ(0, mprotect(p + PAGE, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, map(&self->rig, p, 2 * PAGE));
	EXPECT_SAYS(EFAULT, "2 pages at user address %p cannot be pinned for writing",
		    p);
	EXPECT_SAYS(EFAULT, "%p is mapped read-only", p + PAGE);
}

TEST_F(pin, not_readable)
{
	struct rig *rig = &self->rig;
	char *p = mem_reserve(PAGE);

	EXPECT_EQ(-EFAULT, iommu_map_fixed(rig->fd, rig->ioas, p, PAGE, IOMMU_R,
					   AT));
	EXPECT_SAYS(EFAULT, "%p is not readable", p);
}

TEST_F(pin, secret)
{
	int file = syscall(__NR_memfd_secret, 0);
	char *p;

	if (file < 0)
		SKIP(return, "no memfd_secret");
	ASSERT_EQ(0, ftruncate(file, PAGE));
	p = mem_map_file(file, 0, PAGE);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(-EFAULT, map(&self->rig, p, PAGE));
	EXPECT_SAYS(EFAULT, "%p is secret memory", p);
	EXPECT_EQ(-EINVAL, map_file(&self->rig, file, PAGE, IOMMU_RW));
	EXPECT_SAYS(EINVAL, "only files of memfd, tmpfs and hugetlbfs");
}

/* perf's ring wants to know of every page that is written to, as a disk's file. */
TEST_F(pin, of_a_file_system)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
	};
	int file = syscall(__NR_perf_event_open, &attr, 0, -1, -1, 0);
	char *p;

	if (file < 0)
		SKIP(return, "no perf events");
	p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(-EFAULT, map(&self->rig, p, PAGE));
	EXPECT_SAYS(EFAULT, "%p is of a file on anon_inodefs", p);
}

TEST_F(pin, behind_the_end)
{
	int file = mem_memfd(PAGE, 0);
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file,
		       0);

	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(-EFAULT, map(&self->rig, p, 2 * PAGE));
	EXPECT_SAYS(EFAULT, "%p is behind the end of its file", p + PAGE);
	EXPECT_EQ(-EINVAL, map_file(&self->rig, file, 2 * PAGE, IOMMU_RW));
	EXPECT_SAYS(EINVAL, "2 pages at file offset 0x0 cannot be pinned");
	EXPECT_SAYS(EINVAL, "the file ends at 0x1000");
}

TEST_F(pin, bar_of_another_descriptor)
{
	int other = iommu_open();
	struct vfio_pci pci[2];
	struct edu b;

	ASSERT_LE(0, other);
	if (edu_find_alone(pci, 2) != 2)
		SKIP(return, "needs two devices in groups of their own");
	ASSERT_EQ(0, edu_open(&b, &pci[1], other));
	EXPECT_EQ(-EFAULT, map(&self->rig, b.regs, PAGE));
	EXPECT_SAYS(EFAULT, "not the BAR of one device that is bound here");
	edu_close(&b);
	close(other);
}

TEST_F(pin, bar_that_is_off)
{
	struct rig *rig = &self->rig;
	uint16_t command;

	ASSERT_EQ(0, vfio_config_read(rig->edu.fd, PCI_COMMAND, &command, 2));
	command &= ~PCI_COMMAND_MEMORY;
	ASSERT_EQ(0, vfio_config_write(rig->edu.fd, PCI_COMMAND, &command, 2));
	EXPECT_EQ(-EFAULT, map(rig, rig->edu.regs, PAGE));
	EXPECT_SAYS(EFAULT, "the memory decoding of %s is off", rig->edu.pci.bdf);
	command |= PCI_COMMAND_MEMORY;
	ASSERT_EQ(0, vfio_config_write(rig->edu.fd, PCI_COMMAND, &command, 2));
	EXPECT_EQ(0, map(rig, rig->edu.regs, PAGE));
}

static void map_and_go(void *arg)
{
	CHILD_EQ(0, map(arg, mem_anon(3 * PAGE), 3 * PAGE));
}

TEST_F(pin, process_has_gone)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, vfio_detach(rig->edu.fd));
	ASSERT_EQ(0, child_run(map_and_go, rig));
	EXPECT_EQ(-EFAULT, rig_attach(rig));
	EXPECT_SAYS(EFAULT, "3 pages");
	EXPECT_SAYS(EFAULT, "the process that mapped it has gone");
}

/* The pool is not a limit of locked memory. */
TEST_F(pin, no_huge_page)
{
	long all = mem_info("HugePages_Free");
	char *taken, *p = mem_reserve_huge(MEM_HUGE);
	int file = memfd_create("huge", MFD_HUGETLB);

	if (all < 1 || file < 0)
		SKIP(return, "no huge pages");
	taken = mem_hugetlb(all * MEM_HUGE);
	ASSERT_NE(NULL, taken);
	ASSERT_EQ(0, ftruncate(file, MEM_HUGE));
	EXPECT_EQ(-ENOMEM, map_file(&self->rig, file, MEM_HUGE, IOMMU_RW));
	EXPECT_SAYS(ENOMEM, "no huge page of 2048 kB is free");
	p = mmap(p, MEM_HUGE, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED | MAP_NORESERVE, file, 0);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_NE(0, map(&self->rig, p, MEM_HUGE));
	EXPECT_SAYS(EFAULT, "no huge page of 2048 kB is free");
	mem_free(taken, all * MEM_HUGE);
	EXPECT_EQ(0, map(&self->rig, p, MEM_HUGE));
}

TEST_F(pin, hole)
{
	int file = memfd_create("huge", MFD_HUGETLB), read_only;
	char name[32];

	if (mem_info("HugePages_Free") < 1 || file < 0)
		SKIP(return, "no huge pages");
	ASSERT_EQ(0, ftruncate(file, MEM_HUGE));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
	read_only = open(name, O_RDONLY);
	ASSERT_LE(0, read_only);
	EXPECT_EQ(-EINVAL, map_file(&self->rig, read_only, MEM_HUGE, IOMMU_R));
	EXPECT_SAYS(EINVAL, "there is a hole");
	EXPECT_EQ(0, map_file(&self->rig, file, MEM_HUGE, IOMMU_R));
}

TEST_F(pin, full_file_system)
{
	int file;

	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount("none", "/tmp", "tmpfs", 0, "size=64k"));
	file = open("/tmp/file", O_RDWR | O_CREAT, 0600);
	ASSERT_LE(0, file);
	ASSERT_EQ(0, ftruncate(file, 256 * PAGE));
	EXPECT_EQ(-ENOMEM, map_file(&self->rig, file, 256 * PAGE, IOMMU_RW));
	EXPECT_SAYS(ENOMEM, "file system is full");
	EXPECT_EQ(0, map_file(&self->rig, file, 8 * PAGE, IOMMU_RW));
}

static void spoil(void *arg)
{
	char *p = mem_map_file(*(int *)arg, 0, 2 * PAGE);

	CHILD_EQ(true, p != NULL);
	CHILD_EQ(0, madvise(p + PAGE, PAGE, MADV_HWPOISON) ? errno : 0);
}

TEST_F(pin, has_failed)
{
	int file = mem_memfd(2 * PAGE, 0), status;
	char *p;

	if (madvise(NULL, 0, MADV_HWPOISON))
		SKIP(return, "no MADV_HWPOISON");
	status = child_run(spoil, &file);
	ASSERT_TRUE(!status || WTERMSIG(status) == SIGBUS);
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(-EFAULT, map(&self->rig, p, 2 * PAGE));
	EXPECT_SAYS(EFAULT, "the memory at %p has failed", p + PAGE);
	EXPECT_EQ(-EHWPOISON, map_file(&self->rig, file, 2 * PAGE, IOMMU_RW));
	EXPECT_SAYS(EHWPOISON, "has failed");
}

static void over_limit(void *arg)
{
	struct rig *rig = arg;
	char *p = mem_anon(16 * PAGE);
	int file = mem_memfd(16 * PAGE, 0);

	CHILD_EQ(0, mem_become_user(USER, 4 * PAGE));
	CHILD_EQ(0, map(rig, p, PAGE));
	CHILD_EQ(-ENOMEM, iommu_map_fixed(rig->fd, rig->ioas, p, 16 * PAGE,
					  IOMMU_RW, 2 * AT));
	CHILD_EQ(true, says(rig, ENOMEM, "16 pages at user address %p", p));
	CHILD_EQ(true, says(rig, ENOMEM, "RLIMIT_MEMLOCK of the user is 4 pages, 1 of them in use"));
	CHILD_EQ(0, rig_unmap(rig, AT, PAGE));
	CHILD_EQ(-ENOMEM, map_file(rig, file, 16 * PAGE, IOMMU_RW));
	CHILD_EQ(true, says(rig, ENOMEM, "16 pages at file offset 0x0"));
	CHILD_EQ(true, says(rig, ENOMEM, "RLIMIT_MEMLOCK"));
}

TEST_F(pin, over_limit)
{
	EXPECT_EQ(0, child_run(over_limit, &self->rig));
}

TEST_F(pin, file_of_another_kind)
{
	int file = open("/dev/zero", O_RDWR);

	EXPECT_EQ(-EINVAL, map_file(&self->rig, file, PAGE, IOMMU_RW));
	EXPECT_SAYS(EINVAL, "only files of memfd, tmpfs and hugetlbfs");
}

TEST_F(pin, file_permissions)
{
	int file = mem_memfd(PAGE, MFD_ALLOW_SEALING), read_only, write_only;
	int flags;
	char name[32];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
	read_only = open(name, O_RDONLY);
	write_only = open(name, O_WRONLY);
	ASSERT_LE(0, read_only);
	ASSERT_LE(0, write_only);
	EXPECT_EQ(-EPERM, map_file(&self->rig, read_only, PAGE, IOMMU_RW));
	EXPECT_SAYS(EPERM, "not open for writing");
	EXPECT_EQ(-EACCES, map_file(&self->rig, write_only, PAGE, IOMMU_W));
	EXPECT_SAYS(EACCES, "not open for reading");
	ASSERT_EQ(0, fcntl(file, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_EQ(-EPERM, map_file(&self->rig, file, PAGE, IOMMU_RW));
	EXPECT_SAYS(EPERM, "sealed against writing");
	if (ioctl(file, FS_IOC_GETFLAGS, &flags))
		return;
	flags |= FS_APPEND_FL;
	ASSERT_EQ(0, ioctl(file, FS_IOC_SETFLAGS, &flags));
	EXPECT_EQ(-EACCES, map_file(&self->rig, file, PAGE, IOMMU_R));
	EXPECT_SAYS(EACCES, "append-only");
}

TEST_F(pin, replaced_under_an_in_kernel_user)
{
	struct rig *rig = &self->rig;
	char *p = mem_anon(4 * PAGE);
	int acc;

	NEED_ACCESS;
	ASSERT_EQ(0, vfio_detach(rig->edu.fd));
	ASSERT_EQ(0, map(rig, p, 4 * PAGE));
	acc = access_open_attached(rig->fd, rig->ioas);
	ASSERT_LE(0, acc);
	ASSERT_EQ(0, access_pin(acc, AT + PAGE, PAGE, ACCESS_WRITE));
	ASSERT_EQ(0, madvise(p, 4 * PAGE, MADV_DONTNEED));
	EXPECT_EQ(-EFAULT, rig_attach(rig));
	EXPECT_SAYS(EFAULT, "an in-kernel user");
	ASSERT_EQ(0, access_unpin(acc, AT + PAGE, PAGE));
	EXPECT_EQ(0, rig_attach(rig));
	close(acc);
}

ACCESS_HARNESS_MAIN
