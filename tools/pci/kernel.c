// SPDX-License-Identifier: GPL-2.0-only
#include "pci/kernel.h"

#include <stddef.h>
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
 * kernel_misreads_acs() - is this a kernel that config_acs= came broken with?
 * @version: its number
 *
 * "PCI/ACS: Fix 'pci=config_acs=' parameter" of April 2025 is not in it.  Until then,
 * each entry of a list added to what the entries before it said, and what was to be
 * off was as the firmware had left it; disable_acs_redir= switched on all the rest.
 *
 * Return: whether.
 */
bool kernel_misreads_acs(unsigned int version)
{
	static const unsigned int mended[] = {
		KERNEL(6, 12) | 23, KERNEL(6, 13) | 11, KERNEL(6, 14) | 2,
	};
	size_t i;

	if (version < KERNEL_CONFIG_ACS || version >= KERNEL(6, 15))
		return false;
	/* "6.12" is any of it, and today that is a late one */
	if (!(version & 0xffff))
		return version == KERNEL(6, 11);
	for (i = 0; i < sizeof(mended) / sizeof(mended[0]); i++)
		if (version >> 16 == mended[i] >> 16)
			return version < mended[i];
	return true;
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
