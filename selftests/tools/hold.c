// SPDX-License-Identifier: GPL-2.0-only
/*
 * Something to look at with ioasid: a device that is bound and attached, a mapping,
 * a nested space, and a map that fails; until the standard input ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "iommu.h"
#include "mem.h"
#include "rig.h"

#define PAGE 4096UL
#define AT 0x40000000UL

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
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	rig_close(&rig);
	return 0;
}
