// SPDX-License-Identifier: GPL-2.0-only
/*
 * Something to look at with ioasid: a device that is bound and attached, a mapping,
 * a nested space, and a map that fails; until the standard input ends.  What it reads
 * from there it does, and says so: l becomes a user that has used up what it may lock, b
 * maps a BAR, m closes all but that mapping.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "iommu.h"
#include "mem.h"
#include "rig.h"

#define PAGE 4096UL
#define AT 0x40000000UL
#define BAR_AT 0x80000000UL

static bool use_up(struct rig *rig)
{
	char *buf = mem_anon(17 * PAGE);

	return buf && !iommu_ioas_unmap(rig->fd, rig->ioas, AT, 16 * PAGE, NULL) &&
	       !mem_become_user(1000, 16 * PAGE) &&
	       !rig_map(rig, buf, 16 * PAGE, AT) &&
	       rig_map(rig, buf + 16 * PAGE, PAGE, 2 * AT) == -ENOMEM;
}

static bool obey(struct rig *rig, char c)
{
	if (c == 'l')
		return use_up(rig);
	if (c == 'b')
		return !rig_map(rig, rig->edu.regs, rig->edu.regs_length,
				BAR_AT);
	return c == 'm' && !close(rig->edu.fd) && !close(rig->fd);
}

int main(void)
{
	struct rig rig;
	uint32_t child;
	char *buf, c;

	buf = mem_anon(16 * PAGE);
	if (!buf || rig_open(&rig) || rig_attach(&rig) ||
	    rig_map(&rig, buf, 16 * PAGE, AT) ||
	    iommu_alloc_nested(rig.fd, rig.ioas, &child) ||
	    rig_map(&rig, buf, PAGE, AT) != -EEXIST) {
		puts("failed");
		return 1;
	}
	printf("%s\n", rig.edu.pci.bdf);
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0) {
		printf("%c %s\n", c, obey(&rig, c) ? "done" : "failed");
		fflush(stdout);
	}
	return 0;
}
