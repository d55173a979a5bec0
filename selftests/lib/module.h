/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Modules that only one test needs, with parameters.
 */
#ifndef SELFTESTS_LIB_MODULE_H
#define SELFTESTS_LIB_MODULE_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
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

/* The test module that makes a function take long, see there. */
#define MODULE_DELAY "iommufd_delay_test"

/* The one that has a function return something else. */
#define MODULE_ANSWER "iommufd_answer_test"

/* Until one of its parameters says that something has happened. */
static inline void module_wait(const char *name, const char *parameter)
{
	while (!module_parameter(name, parameter))
		usleep(1000);
}

/*
 * A thread that runs into a function that takes long, on another CPU than its maker: it is
 * not preempted there.
 */
static inline int module_thread(pthread_t *thread, void *(*work)(void *),
				void *arg)
{
	pthread_attr_t attr;
	cpu_set_t here, there;
	int rc;

	CPU_ZERO(&here);
	CPU_ZERO(&there);
	CPU_SET(0, &here);
	CPU_SET(1, &there);
	rc = pthread_attr_init(&attr);
	if (rc)
		return rc;
	rc = pthread_setaffinity_np(pthread_self(), sizeof(here), &here);
	if (!rc)
		rc = pthread_attr_setaffinity_np(&attr, sizeof(there), &there);
	if (!rc)
		rc = pthread_create(thread, &attr, work, arg);
	pthread_attr_destroy(&attr);
	return rc;
}

/* For who has the right to write to it now, and not later. Returns a descriptor or -errno. */
static inline int module_open_parameter(const char *name, const char *parameter)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", name,
		 parameter);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static inline int module_set_parameter(const char *name, const char *parameter,
				       unsigned long value)
{
	int fd = module_open_parameter(name, parameter), rc;

	if (fd < 0)
		return fd;
	rc = dprintf(fd, "%lu", value) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

#endif
