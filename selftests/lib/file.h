/* SPDX-License-Identifier: GPL-2.0-only */
/* Small files of sysfs, procfs and debugfs. */
#ifndef SELFTESTS_FILE_H
#define SELFTESTS_FILE_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Writes the text in one call. Returns 0 or -errno. */
static inline int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

#endif
