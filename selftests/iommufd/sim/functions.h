/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests of simulated functions of PCI have in common. */
#ifndef SELFTESTS_FUNCTIONS_H
#define SELFTESTS_FUNCTIONS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim.h"
#include "vfio.h"

/* Attributes of a function, before others. */
#define FUNCTION "kind=function "

/* Is there a device that lends functions its memory? */
static inline const char *functions_why_not(void)
{
	const char *why = iosim_why_not();
	int rc;

	if (why)
		return why;
	rc = iosim_create("probe", FUNCTION);
	iosim_destroy("probe");
	return rc ? "no memory for functions: vm/run --functions" : NULL;
}

#define NEED_FUNCTIONS							\
	do {								\
		const char *_why = functions_why_not();			\
									\
		if (_why)						\
			SKIP(return, "%s", _why);			\
	} while (0)

/* A file of the function's in sysfs, opened. */
static inline int function_file(const char *name, const char *file, int flags)
{
	char bdf[64], path[160];
	int rc = iosim_get(name, "device", bdf, sizeof(bdf));

	if (rc)
		return rc;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", bdf, file);
	rc = open(path, flags | O_CLOEXEC);
	return rc < 0 ? -errno : rc;
}

/* The configuration space as it is, not as VFIO shows it. */
static inline int function_config(const char *name)
{
	return function_file(name, "config", O_RDWR);
}

static inline uint32_t config_get(int config, unsigned int at, size_t size)
{
	uint32_t value = 0;

	return pread(config, &value, size, at) == (ssize_t)size ? value :
								  UINT32_MAX;
}

static inline void config_put(int config, unsigned int at, size_t size,
			      uint32_t value)
{
	if (pwrite(config, &value, size, at) != (ssize_t)size)
		perror("config");
}

/* Where a capability is; 0: nowhere. */
static inline unsigned int config_find(int config, uint8_t id)
{
	unsigned int at = config_get(config, 0x34, 1), tries = 48;

	for (; at && tries; tries--, at = config_get(config, at + 1, 1))
		if (config_get(config, at, 1) == id)
			return at;
	return 0;
}

static inline unsigned int config_find_ext(int config, uint16_t id)
{
	unsigned int at = 0x100, tries = 64;
	uint32_t header;

	for (; at && tries; tries--, at = header >> 20) {
		header = config_get(config, at, 4);
		if ((header & 0xffff) == id)
			return at;
	}
	return 0;
}

static inline int function_works(struct sim *sim, const struct engine *engine)
{
	struct dma dma = sim_dma(sim, 1);

	dma.engine = engine;
	return dma_check(&dma, SIM_AT, sim->buf);
}

/* Has an eventfd been signalled, or is it within that time? */
static inline bool signalled(int eventfd, int timeout_ms)
{
	struct pollfd fd = { .fd = eventfd, .events = POLLIN };
	uint64_t count;

	return poll(&fd, 1, timeout_ms) == 1 &&
	       read(eventfd, &count, sizeof(count)) == sizeof(count);
}

/* Accesses of the device to memory. */
static inline int64_t accesses(const char *name)
{
	return iosim_counter(name, "walks") + iosim_counter(name, "iotlb_hits");
}

/* A pointer to itself, followed for ever; it has begun when this returns. */
static inline int start_endless(struct sim *sim, const char *name,
				const struct engine *engine)
{
	int64_t before = accesses(name);
	struct iosim_desc desc = {
		.op = IOSIM_OP_CHASE,
		.flags = IOSIM_DESC_COMPLETION,
		.src = SIM_AT,
		.length = UINT64_MAX,
		.completion = SIM_AT + SIM_DONE,
	};
	int rc;

	memset(sim->buf + SIM_DONE, 0, sizeof(struct iosim_completion));
	*(uint64_t *)sim->buf = SIM_AT;
	rc = engine_submit(engine, &desc);
	while (!rc && accesses(name) == before)
		usleep(1000);
	return rc;
}

static inline uint32_t endless_status(const struct sim *sim)
{
	return ((const struct iosim_completion *)(sim->buf + SIM_DONE))->status;
}

#endif
