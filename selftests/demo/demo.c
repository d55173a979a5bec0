// SPDX-License-Identifier: GPL-2.0-only
/*
 * The main job, told step by step on the terminal: a PCI device does DMA
 * through /dev/iommu. The exit status says whether all went as told.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "edu.h"
#include "iommu.h"
#include "klog.h"
#include "mem.h"

#define BUFFER (16UL << 20)
#define FROM 0x1000UL		/* offsets into the buffer */
#define TO 0x800000UL
#define CHUNKS 4
#define MAX_RANGES 8
#define WIDTH 78
#define INDENT 12

/* Telling ---------------------------------------------------------------- */

/* Print a paragraph after a heading, broken into lines between words. */
static void say(const char *heading, const char *format, ...)
{
	char text[1024], *word, *rest = text;
	int column = INDENT;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	printf("%-*s", INDENT, heading);
	while ((word = strsep(&rest, " "))) {
		int length = strlen(word);

		if (column > INDENT && column + 1 + length > WIDTH) {
			printf("\n%*s", INDENT, "");
			column = INDENT;
		}
		if (column > INDENT) {
			putchar(' ');
			column++;
		}
		fputs(word, stdout);
		column += length;
	}
	putchar('\n');
	fflush(stdout);
}

static void must(bool good, const char *what, int rc)
{
	if (good)
		return;
	if (rc < 0)
		say("FAILED", "%s: %s", what, strerror(-rc));
	else
		say("FAILED", "%s", what);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

/* The steps -------------------------------------------------------------- */

/* In the machine of selftests/vm: show that it is the modules that do it. */
static void load_modules(void)
{
	const char *stock = getenv("VM_KERNEL");
	struct utsname kernel;

	uname(&kernel);
	say("kernel", "Linux %s%s, on a machine with an %s IOMMU (QEMU's).",
	    kernel.release, stock && !strcmp(stock, "stock") ?
	    " as Debian ships it, without iommufd" : "",
	    exists("/sys/class/iommu/dmar0") ? "Intel VT-d" : "AMD-Vi");
	if (exists("/bin/unload-modules")) {
		must(!system("unload-modules"), "unload-modules", 0);
		must(!exists("/dev/iommu"), "/dev/iommu is there already", 0);
		must(!system("load-modules"), "load-modules", 0);
	}
	must(exists("/dev/iommu"), "there is no /dev/iommu", 0);
}

static void find_device(struct vfio_pci *pci)
{
	char path[64];

	must(edu_find_alone(pci, 1) == 1, "there is no edu device", 0);
	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%d", pci->cdev);
	must(exists(path), path, -ENOENT);
	say("load", "iommufd.ko, vfio.ko, vfio-pci.ko: now there are /dev/iommu and %s, which is the PCI device %s (%04x:%04x, QEMU's \"edu\", IOMMU group %d).",
	    path, pci->bdf, pci->vendor, pci->device, pci->group);
}

static uint32_t attach(int fd, const struct edu *edu)
{
	struct iommu_iova_range ranges[MAX_RANGES];
	uint32_t ioas, hwpt = 0, nr = MAX_RANGES, i;
	char list[256] = "";
	int rc;

	rc = iommu_ioas_alloc(fd, &ioas);
	must(!rc, "IOMMU_IOAS_ALLOC", rc);
	say("allocate", "an I/O address space: IOASID %u.", ioas);

	rc = vfio_attach(edu->fd, ioas, &hwpt);
	must(!rc, "VFIO_DEVICE_ATTACH_IOMMUFD_PT", rc);
	rc = iommu_iova_ranges(fd, ioas, ranges, &nr, NULL);
	must(!rc, "IOMMU_IOAS_IOVA_RANGES", rc);
	for (i = 0; i < nr; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list),
			 "%s%#llx-%#llx", i ? ", " : "",
			 (unsigned long long)ranges[i].start,
			 (unsigned long long)ranges[i].last);
	say("attach", "the device to it, by page table %u. It can translate %s.",
	    hwpt, list);
	return ioas;
}

static uint64_t map(int fd, uint32_t ioas, char *buffer, long pinned)
{
	double start = now(), took;
	uint64_t iova = 0;
	int rc;

	rc = iommu_map_auto(fd, ioas, buffer, BUFFER, IOMMU_RW, &iova);
	took = now() - start;
	must(!rc, "IOMMU_IOAS_MAP", rc);
	say("map", "%lu MiB of this process's memory, %p, to IOVA %#llx. It took %.1f ms; pins in /proc/vmstat: %+ld.",
	    BUFFER >> 20, buffer, (unsigned long long)iova, took * 1000,
	    mem_pinned() - pinned);
	must(mem_pinned() - pinned >= (long)(BUFFER / MEM_HUGE),
	     "nothing is pinned", 0);
	return iova;
}

static void copy(const struct edu *edu, char *buffer, uint64_t iova)
{
	const size_t length = EDU_DMA_MAX;
	int i, rc;

	mem_fill(buffer + FROM, CHUNKS * length, time(NULL));
	memset(buffer + TO, 0, CHUNKS * length);
	for (i = 0; i < CHUNKS; i++) {
		rc = edu_copy(edu, iova + FROM + i * length,
			      iova + TO + i * length, length);
		must(!rc, "the device does not finish", rc);
	}
	say("DMA", "%d times the device reads %zu bytes from IOVA %#llx on and writes them to IOVA %#llx on.",
	    CHUNKS, length, (unsigned long long)(iova + FROM),
	    (unsigned long long)(iova + TO));
	must(!memcmp(buffer + FROM, buffer + TO, CHUNKS * length),
	     "what arrived is not what was sent", 0);
	say("", "Compared in memory: %zu bytes, all the same.",
	    CHUNKS * length);
}

static void unmap(int fd, uint32_t ioas, uint64_t iova, long pinned)
{
	double start = now(), took;
	uint64_t unmapped = 0;
	int rc;

	rc = iommu_ioas_unmap(fd, ioas, iova, BUFFER, &unmapped);
	took = now() - start;
	must(!rc, "IOMMU_IOAS_UNMAP", rc);
	must(unmapped == BUFFER, "not all was unmapped", 0);
	say("unmap", "%llu MiB. It took %.1f ms; pins in /proc/vmstat: %+ld.",
	    (unsigned long long)unmapped >> 20, took * 1000,
	    mem_wait_pinned(pinned) - pinned);
}

static void try_again(const struct edu *edu, char *buffer, uint64_t iova)
{
	struct klog_fault fault;
	int klog, rc;

	klog = klog_open();
	must(klog >= 0, "/dev/kmsg", klog);
	rc = edu_can_write(edu, iova + FROM, buffer + FROM, 64);
	must(rc == 0, "the device still writes to memory", rc);
	say("try again", "the device writes to IOVA %#llx once more. Memory does not change: the IOMMU stops it.",
	    (unsigned long long)(iova + FROM));
	if (!klog_has_faults())
		return;
	rc = edu_expect_fault(edu, klog, iova + FROM, true, &fault);
	must(!rc, "no fault in the kernel's log", rc);
	say("", "%s", fault.text);
	close(klog);
}

int main(void)
{
	double start = now();
	struct vfio_pci pci;
	struct edu edu;
	uint64_t iova;
	uint32_t ioas;
	char *buffer;
	long pinned;
	int fd, rc;

	printf("\n%*sA device does DMA through /dev/iommu\n\n", INDENT, "");
	load_modules();
	find_device(&pci);

	buffer = mem_thp(BUFFER);
	must(buffer, "no memory", 0);
	pinned = mem_pinned();
	fd = iommu_open();
	must(fd >= 0, "/dev/iommu", fd);
	rc = edu_open(&edu, &pci, fd);
	must(!rc, "VFIO_DEVICE_BIND_IOMMUFD", rc);
	say("bind", "device %s, by its Requester ID, is now object %u of /dev/iommu. Its DMA is blocked.",
	    pci.bdf, edu.dev_id);

	ioas = attach(fd, &edu);
	iova = map(fd, ioas, buffer, pinned);
	copy(&edu, buffer, iova);
	unmap(fd, ioas, iova, pinned);
	try_again(&edu, buffer, iova);

	rc = vfio_detach(edu.fd);
	must(!rc, "VFIO_DEVICE_DETACH_IOMMUFD_PT", rc);
	edu_close(&edu);
	close(fd);
	rc = mem_wait_pinned(pinned) - pinned;
	must(!rc, "pages are left pinned", 0);
	say("detach", "and close. Pages left pinned: %d.", rc);
	printf("\n%*sAll as it should be, in %.1f s.\n\n", INDENT, "",
	       now() - start);
	return 0;
}
