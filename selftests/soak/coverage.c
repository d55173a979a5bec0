// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "coverage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "report.h"

#define KCOV "/sys/kernel/debug/kcov"
#define KCOV_INIT_TRACE _IOR('c', 1, unsigned long)
#define KCOV_ENABLE _IO('c', 100)
#define KCOV_TRACE_PC 0
/* What one step may reach, in addresses. */
#define ENTRIES (32U << 10)
#define PER_LINE 24

/* Where the module is; shared by all processes: which of its bytes were reached. */
static uint64_t base;
static uint64_t size;
static uint8_t *reached;

/* A line of /proc/modules: "iommufd 123456 3 vfio,..., Live 0xffffffffc0000000". */
static void find_module(void)
{
	FILE *file = fopen("/proc/modules", "re");
	char line[512], *address;

	while (file && fgets(line, sizeof(line), file)) {
		address = strstr(line, " 0x");
		if (strncmp(line, "iommufd ", 8) || !address)
			continue;
		size = strtoull(line + 8, NULL, 10);
		base = strtoull(address, NULL, 16);
	}
	if (file)
		fclose(file);
}

/* Before there are other processes. */
void coverage_prepare(void)
{
	if (access(KCOV, F_OK))
		return;
	find_module();
	if (!base)
		return;
	reached = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (reached == MAP_FAILED)
		reached = NULL;
}

/* For the calling thread. */
void coverage_open(struct coverage *coverage)
{
	*coverage = (struct coverage) { .fd = -1 };
	if (!reached)
		return;
	coverage->fd = open(KCOV, O_RDWR | O_CLOEXEC);
	if (coverage->fd < 0 ||
	    ioctl(coverage->fd, KCOV_INIT_TRACE, (unsigned long)ENTRIES))
		return;
	coverage->area = mmap(NULL, ENTRIES * sizeof(uint64_t),
			      PROT_READ | PROT_WRITE, MAP_SHARED, coverage->fd,
			      0);
	if (coverage->area == MAP_FAILED ||
	    ioctl(coverage->fd, KCOV_ENABLE, KCOV_TRACE_PC))
		coverage->area = NULL;
}

/* Add what was reached since the last time. */
void coverage_take(struct coverage *coverage)
{
	uint64_t n, i;

	if (!coverage->area)
		return;
	n = __atomic_load_n(&coverage->area[0], __ATOMIC_RELAXED);
	for (i = 1; i <= n && i < ENTRIES; i++)
		if (coverage->area[i] - base < size)
			reached[coverage->area[i] - base] = 1;
	__atomic_store_n(&coverage->area[0], 0, __ATOMIC_RELAXED);
}

static void tell_section(const char *name)
{
	char path[96], address[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/iommufd/sections/%s", name);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(address, sizeof(address), file))
		say("# kcov: section %s %llx", name,
		    strtoull(address, NULL, 16) - base);
	fclose(file);
}

/* For selftests/soak/coverage: offsets from the module's beginning. */
void coverage_tell(void)
{
	char line[PER_LINE * 9 + 1];
	unsigned int used = 0, n = 0;
	uint64_t i;

	if (!reached)
		return;
	tell_section(".text");
	tell_section(".text.unlikely");
	for (i = 0; i < size; i++) {
		if (reached[i])
			used += snprintf(line + used, sizeof(line) - used,
					 " %x", (unsigned int)i);
		n += reached[i];
		if (used && (n == PER_LINE || i == size - 1)) {
			say("# kcov:%s", line);
			used = n = 0;
		}
	}
}
