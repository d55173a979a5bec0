// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a VMD is, the kernel has it from its driver.  We have it from sysfs, where the
 * domain is below the endpoint, or of a dump from addresses: the memory of what is
 * behind a VMD is within the VMD's own.
 */
#include "pci/vmd.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "pci/topology.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* In which registers a VMD has its windows; register 0 is configuration space. */
#define WINDOW_1 2
#define WINDOW_2 4

/**
 * vmd_is() - is this function a VMD?
 * @f: the function
 *
 * Return: whether.
 */
bool vmd_is(const struct function *f)
{
	static const uint16_t devices[] = {
		0x201d, 0x28c0, 0x467f, 0x4c3d, 0x7d0b, 0x9a0b, 0xa77f, 0xad0b,
		0xb06f, 0xb60b,
		/* Since Linux 7.3, but there is nothing else that they could be */
		0x28c1, 0xb07f, 0xd70b, 0xd73b,
	};
	size_t i;

	for (i = 0; i < COUNT(devices); i++)
		if (f->vendor == 0x8086 && f->device == devices[i])
			return true;
	return false;
}

/* The component of the device's path that is before the domain's root bus. */
static int by_sysfs(const struct topology *t, const struct function *f,
		    const char *root)
{
	char address[ADDRESS_SIZE], *path, *real, *end, *start;
	int found = -1;

	path = xasprintf("%s/sys/bus/pci/devices/%s", root,
			 topology_address(f, address));
	real = realpath(path, NULL);
	free(path);
	path = xasprintf("/pci%04x:", f->domain);
	end = real ? strstr(real, path) : NULL;
	if (end) {
		*end = '\0';
		start = strrchr(real, '/');
		found = start ? topology_find(t, start + 1) : -1;
	}
	free(real);
	free(path);
	return found;
}

/* Some address of memory in a domain, 0 if it has none. */
static uint64_t some_address(const struct topology *t, unsigned int domain)
{
	int i, bar;

	for (i = 0; i < t->nr; i++) {
		const struct function *f = &t->functions[i];

		if (f->domain != domain || !f->bars_known)
			continue;
		for (bar = 0; bar < 6; bar++) {
			if (topology_bar(f, bar))
				return topology_bar(f, bar);
			if ((f->bars[bar] & 7) == 4)
				bar++;
		}
	}
	return 0;
}

/* The VMD whose window begins closest below an address. */
static int by_address(const struct topology *t, uint64_t address)
{
	uint64_t best = 0;
	int i, found = -1;

	for (i = 0; i < t->nr; i++) {
		const struct function *f = &t->functions[i];
		uint64_t windows[] = {
			topology_bar(f, WINDOW_1), topology_bar(f, WINDOW_2),
		};
		size_t w;

		for (w = 0; vmd_is(f) && w < COUNT(windows); w++) {
			if (windows[w] > address || windows[w] <= best)
				continue;
			best = windows[w];
			found = i;
		}
	}
	return found;
}

static int some_vmd(const struct topology *t, int *nr)
{
	int i, found = -1;

	*nr = 0;
	for (i = 0; i < t->nr; i++)
		if (vmd_is(&t->functions[i]) && !(*nr)++)
			found = i;
	return found;
}

/* @first is the first function of the domain, and stands for a VMD that is not there. */
static int find(const struct topology *t, int first, const char *root)
{
	const struct function *f = &t->functions[first];
	char vmd[ADDRESS_SIZE];
	int found, nr;

	found = t->live ? by_sysfs(t, f, root) : -1;
	if (found >= 0)
		return found;
	found = some_vmd(t, &nr);
	if (nr <= 1)
		return nr ? found : first;
	found = by_address(t, some_address(t, f->domain));
	if (found >= 0)
		return found;
	found = some_vmd(t, &nr);
	warn("which VMD domain %04x is behind is not known: taken for %s",
	     f->domain, topology_address(&t->functions[found], vmd));
	return found;
}

/**
 * vmd_find() - find out whose requester IDs the functions behind VMDs have
 * @t: the machine, linked
 * @root: directory instead of / of a running one
 */
void vmd_find(struct topology *t, const char *root)
{
	int i, j;

	for (i = 0; i < t->nr; i++) {
		struct function *f = &t->functions[i];

		if (f->domain < VMD_FIRST_DOMAIN)
			continue;
		for (j = 0; j < i; j++)
			if (t->functions[j].domain == f->domain)
				break;
		f->dma_as = j < i ? t->functions[j].dma_as : find(t, i, root);
	}
}
