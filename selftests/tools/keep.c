// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: keep HOW
 *
 * Keep a device, the second edu that is alone in its group or else the only one, in one
 * way and no other, until the standard input ends; for ioasid why to find. Prints the
 * device's address.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <threads.h>
#include <unistd.h>

#include "edu.h"
#include "iommu.h"
#include "pass.h"

#define ALIAS "/accelerator0"

static struct vfio_pci pci;

/* A descriptor of the device, bound; that of /dev/iommu is closed, and not missed. */
static int bound(const char *node)
{
	int fd = iommu_open(), device = node ? open(node, O_RDWR) :
					       vfio_cdev_open(&pci);
	uint32_t id;

	if (fd < 0 || device < 0 || vfio_bind(device, fd, &id))
		return -1;
	close(fd);
	return device;
}

/* Open, and not bound: the module does not know. */
static bool by_open(void)
{
	return vfio_cdev_open(&pci) >= 0;
}

static bool by_descriptor(void)
{
	return bound(NULL) >= 0;
}

/* As a container may call it. */
static bool by_alias(void)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%d", pci.cdev);
	return !stat(path, &st) && !mknod(ALIAS, S_IFCHR | 0600, st.st_rdev) &&
	       bound(ALIAS) >= 0;
}

static bool by_mapping(void)
{
	int device = bound(NULL);
	size_t length;

	return device >= 0 && !vfio_enable_dma(device, true) &&
	       vfio_map_bar(device, 0, &length) && !close(device);
}

/* What has bound it has ended; its child has the mapping. */
static bool by_child(void)
{
	return by_mapping() && (!fork() || (_exit(0), false));
}

static int thread(void *started)
{
	_Atomic int *fd = started;

	*fd = unshare(CLONE_FILES) ? -1 : bound(NULL);
	return pause();
}

/* A table of descriptors of its own. */
static bool by_thread(void)
{
	static _Atomic int fd = -2;
	thrd_t other;

	if (thrd_create(&other, thread, &fd) != thrd_success)
		return false;
	while (fd == -2)
		usleep(1000);
	return fd >= 0;
}

static bool by_ring(void)
{
	struct io_uring_params params = { };
	int device = bound(NULL);
	int ring = syscall(SYS_io_uring_setup, 4, &params);

	return device >= 0 && ring >= 0 &&
	       !syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES,
			&device, 1) && !close(device);
}

/* Sent, and not received. */
static bool by_socket(void)
{
	int device = bound(NULL), pair[2];

	return device >= 0 && !socketpair(AF_UNIX, SOCK_STREAM, 0, pair) &&
	       !fd_pass(pair[0], device, 0) && !close(device);
}

/* The group's descriptor is not needed any more, either. */
static bool by_group(void)
{
	int group = vfio_group_open(pci.group), fd = iommu_open();

	return group >= 0 && fd >= 0 &&
	       !vfio_group_set_container(group, fd) &&
	       vfio_group_device(group, pci.bdf) >= 0 && !close(group);
}

static const struct {
	const char *name;
	bool (*keep)(void);
} ways[] = {
	{ "open", by_open },
	{ "descriptor", by_descriptor },
	{ "alias", by_alias },
	{ "mapping", by_mapping },
	{ "child", by_child },
	{ "thread", by_thread },
	{ "ring", by_ring },
	{ "socket", by_socket },
	{ "group", by_group },
};

int main(int argc, char **argv)
{
	struct vfio_pci alone[2];
	int nr = edu_find_alone(alone, 2);
	bool kept = false;
	size_t i;
	char c;

	if (argc != 2 || !nr)
		return 2;
	pci = alone[nr - 1];
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(ways[i].name, argv[1]))
			kept = ways[i].keep();
	printf("%s\n", kept ? pci.bdf : "failed");
	fflush(stdout);
	while (kept && read(STDIN_FILENO, &c, 1) > 0)
		;
	return !kept;
}
