// SPDX-License-Identifier: GPL-2.0-only
/*
 * deeds-access.c - the in-kernel access API, by selftests/modules/access_test: memory that
 * is mapped for nobody else, and ("shared") memory that a device has, too.
 */
#include <err.h>
#include <string.h>
#include <unistd.h>

#include "../lib/access.h"
#include "../lib/iommu.h"
#include "deed.h"
#include "iommufd.h"

static struct range all_memory;
static uint32_t space;
static int access_fd;

static int prepare_in(uint32_t ioas, const struct range *all)
{
	int rc = iommufd_map_in(ioas, all);

	if (rc)
		return rc;
	all_memory = *all;
	access_module_load();
	access_fd = access_open_attached(iommufd.fd, ioas);
	if (access_fd < 0)
		errx(1, "access: %s",
		     access_why_not() ?: strerror(-access_fd));
	return 0;
}

static void finish_in(uint32_t ioas)
{
	close(access_fd);
	iommufd_unmap_in(ioas, &all_memory);
}

static int alone_prepare(const struct range *all)
{
	int rc = iommu_ioas_alloc(iommufd.fd, &space);

	return rc ?: prepare_in(space, all);
}

static void alone_finish(void)
{
	finish_in(space);
	iommufd_destroy(space);
}

static int shared_prepare(const struct range *all)
{
	return prepare_in(iommufd.ioas, all);
}

static void shared_finish(void)
{
	finish_in(iommufd.ioas);
}

static int pin_run(const struct range *range)
{
	return access_pin(access_fd, all_memory.iova + range->offset,
			  range->length, ACCESS_WRITE);
}

static int pin_undo(const struct range *range)
{
	return access_unpin(access_fd, all_memory.iova + range->offset,
			    range->length);
}

static char buffer[4096];

static int rw_run(const struct range *range)
{
	return access_read(access_fd, all_memory.iova + range->offset, buffer,
			   range->length);
}

static int rw_undo(const struct range *range)
{
	return access_write(access_fd, all_memory.iova + range->offset, buffer,
			    range->length);
}

const struct deed deed_pin = {
	.prepare = alone_prepare,
	.run = pin_run,
	.undo = pin_undo,
	.finish = alone_finish,
};

const struct deed deed_pin_shared = {
	.prepare = shared_prepare,
	.run = pin_run,
	.undo = pin_undo,
	.finish = shared_finish,
};

const struct deed deed_rw = {
	.prepare = alone_prepare,
	.run = rw_run,
	.undo = rw_undo,
	.finish = alone_finish,
};

const struct deed deed_rw_shared = {
	.prepare = shared_prepare,
	.run = rw_run,
	.undo = rw_undo,
	.finish = shared_finish,
};
