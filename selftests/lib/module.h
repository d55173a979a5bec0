/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Modules that only one test needs, with parameters.
 */
#ifndef SELFTESTS_LIB_MODULE_H
#define SELFTESTS_LIB_MODULE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From where vm/run has put it. @parameters: as for insmod. */
static inline int module_load(const char *name, const char *parameters)
{
	static const char * const places[] = { "/modules/test", "/files" };
	char path[96];
	int fd = -1, i, rc;

	for (i = 0; i < 2 && fd < 0; i++) {
		snprintf(path, sizeof(path), "%s/%s.ko", places[i], name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return -errno;
	rc = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;
	close(fd);
	return rc;
}

static inline int module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

/* What one of its parameters says; 0 if it does not. */
static inline unsigned long module_parameter(const char *name,
					     const char *parameter)
{
	unsigned long value = 0;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", name,
		 parameter);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%lu", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

static inline int module_set_parameter(const char *name, const char *parameter,
				       unsigned long value)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", name,
		 parameter);
	file = fopen(path, "we");
	if (!file)
		return -errno;
	fprintf(file, "%lu", value);
	return fclose(file) ? -errno : 0;
}

#endif
