// SPDX-License-Identifier: GPL-2.0-only
/* Devices come, and are pulled out while they are in use. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "action.h"
#include "chaos.h"
#include "iommu.h"
#include "iosim.h"
#include "report.h"

static const char * const attributes[] = {
	"pasid_bits=8 pri=1", "pasid_bits=0", "pasid_bits=4 dirty=0",
	"pasid_bits=6 pri=1 prq_size=2", "addr_bits=36 pasid_bits=3",
	"reserved=fee00000-feefffff",
};

static const char *any_attributes(struct worker *w)
{
	return attributes[pick(w, sizeof(attributes) / sizeof(attributes[0]))];
}

/* One that is free for all: whoever has it is asked to close it. */
int act_replug(struct worker *w)
{
	unsigned int nr = pick(w, NR_ENGINES);
	char name[16];
	int rc;

	snprintf(name, sizeof(name), FREE_ENGINE, nr);
	__atomic_store_n(&world->away[nr], true, __ATOMIC_RELAXED);
	rc = iosim_unplug(name) ?: iosim_destroy(name) ?:
	     iosim_create(name, any_attributes(w));
	__atomic_store_n(&world->away[nr], false, __ATOMIC_RELAXED);
	return rc ? broken(w, "device %s is not there again: %d", name, rc) : 0;
}

static void *pull(void *name)
{
	return (void *)(intptr_t)iosim_unplug(name);
}

/* Pulled out while it is attached, and does DMA. */
static int use_and_pull(struct worker *w, char *name)
{
	int fd = any_fd(w), rc, i;
	struct engine engine;
	pthread_t thread;
	void *result;

	rc = engine_open_name(&engine, name, fd);
	if (rc)
		return rc;
	rc = vfio_attach(engine.fd, any_page_table(w, fd), NULL);
	for (i = 0; i < 8; i++) {
		struct iosim_desc desc = dma_desc_fill(any_iova(w), 64, i);

		engine_submit(&engine, &desc);
	}
	if (pthread_create(&thread, NULL, pull, name)) {
		engine_close(&engine);
		return -EAGAIN;
	}
	iommu_pasid_attach(fd, engine.dev_id, 1, any_page_table(w, fd));
	engine_close(&engine);
	pthread_join(thread, &result);
	if (result)
		return broken(w, "%s cannot be pulled out: %d", name,
			      (int)(intptr_t)result);
	return rc;
}

int act_plug(struct worker *w)
{
	char name[] = "plug";
	int rc = iosim_create(name, any_attributes(w));

	if (rc)
		return broken(w, "new device: %d", rc);
	rc = use_and_pull(w, name);
	if (iosim_destroy(name))
		return broken(w, "removal of %s", name);
	return rc;
}

/* A part of a device, in any context. */
int act_plug_subdevice(struct worker *w)
{
	const char *type = chance(w, 50) ? IOSIM_LOCAL : IOSIM_GLOBAL;
	const char *uuid = "50a4ffff-0000-4000-8000-000000000000";
	int fd = any_fd(w), rc;
	struct engine sub;

	rc = iosim_subdevice_create(PARENT, type, uuid);
	if (rc)
		return rc;
	rc = engine_open_subdevice(&sub, uuid, fd);
	if (!rc) {
		rc = vfio_attach(sub.fd, any_page_table(w, fd), NULL);
		iommu_pasid_attach(fd, sub.dev_id, 1 + pick(w, 6),
				   any_page_table(w, fd));
		engine_close(&sub);
	}
	if (iosim_dma_check(PARENT))
		return broken(w, "the parent's own DMA");
	if (iosim_subdevice_remove(uuid))
		return broken(w, "removal of a sub-device");
	return rc;
}
