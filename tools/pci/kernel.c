// SPDX-License-Identifier: GPL-2.0-only
#include "pci/kernel.h"

#include <stdio.h>
#include <stdlib.h>

#include "pci/machine.h"

/**
 * kernel_version() - a release as a number that can be compared
 * @release: what uname -r prints, or the beginning of it: "6.12"
 *
 * Return: the number, 0 if that is no release.
 */
unsigned int kernel_version(const char *release)
{
	unsigned int version, patchlevel, sublevel = 0;

	if (sscanf(release, "%3u.%3u.%5u", &version, &patchlevel,
		   &sublevel) < 2 ||
	    version < 1 || version > 127 || patchlevel > 255)
		return 0;
	return KERNEL(version, patchlevel) |
	       (sublevel > 0xffff ? 0xffff : sublevel);
}

/**
 * kernel_of() - which kernel runs
 * @root: directory instead of /
 *
 * Return: its number, 0 if it does not say.
 */
unsigned int kernel_of(const char *root)
{
	char *release = machine_read(root, "/proc/sys/kernel/osrelease");
	unsigned int version = release ? kernel_version(release) : 0;

	free(release);
	return version;
}

/**
 * kernel_text() - a number as people write it
 * @version: the number
 * @text: where to put it
 *
 * Return: @text.
 */
const char *kernel_text(unsigned int version, char text[KERNEL_TEXT_SIZE])
{
	int used = snprintf(text, KERNEL_TEXT_SIZE, "%u.%u", version >> 24,
			    version >> 16 & 0xff);

	if (version & 0xffff)
		snprintf(text + used, KERNEL_TEXT_SIZE - used, ".%u",
			 version & 0xffff);
	return text;
}
