// SPDX-License-Identifier: GPL-2.0-only
/* Queries: about devices and spaces, and by netlink. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/ioasid_netlink.h>

#include "action.h"
#include "inject.h"
#include "iommu.h"
#include "report.h"

int act_info(struct worker *w)
{
	struct ioasid_device_member members[4];
	struct ioasid_device_info info = {
		.members = iommu_ptr(members),
		.nr_members = 4,
	};
	char data[64];
	struct iommu_hw_info hw = {
		.data_uptr = iommu_ptr(data),
		.data_len = sizeof(data),
	};
	struct iommu_iova_range ranges[8];
	struct space *s = pick_space(w);
	uint32_t num = 8;
	uint64_t value;
	int rc;

	rc = CALL(w, iommu_device_info(w->context, w->engine.dev_id, &info));
	if (rc && !excused(w, rc))
		return broken(w, "DEVICE_INFO: %d", rc);
	if (!rc && w->views[0].space &&
	    !(info.out_flags & IOASID_DEVICE_ATTACHED))
		return broken(w, "DEVICE_INFO: attached, but says not");
	rc = CALL(w, iommu_get_hw_info(w->context, w->engine.dev_id, &hw));
	if (rc && !excused(w, rc))
		return broken(w, "GET_HW_INFO: %d", rc);
	rc = CALL(w, iommu_iova_ranges(w->context, s->ioas, ranges, &num, NULL));
	if (rc && rc != -EMSGSIZE && !excused(w, rc))
		return broken(w, "IOVA_RANGES: %d", rc);
	rc = CALL(w, iommu_option_get(w->context, IOMMU_OPTION_HUGE_PAGES,
				      s->ioas, &value));
	return rc;
}

int act_extension(struct worker *w)
{
	char text[256];
	uint32_t length = pick(w, sizeof(text)), error;
	int rc;

	iommu_extension(w->context, pick(w, 16));
	/* An error with a sentence. */
	iommu_destroy(w->context, UINT32_MAX - pick(w, 4));
	rc = iommu_last_reason(w->context, text, &length, &error);
	return rc == -ENODATA ? 0 : rc;
}

static int begin(struct worker *w, struct genl_request *request)
{
	static const uint8_t dumps[] = {
		IOASID_CMD_CONTEXT_GET, IOASID_CMD_SPACE_GET,
		IOASID_CMD_DEVICE_GET, IOASID_CMD_AREA_GET,
		IOASID_CMD_SPLIT_GET, IOASID_CMD_FAILURE_GET,
	};

	if (w->genl.fd < 0 && genl_open(&w->genl, IOASID_FAMILY_NAME))
		return -ENODEV;
	genl_begin(&w->genl, request, dumps[pick(w, sizeof(dumps))]);
	return 0;
}

/* Everything that there is, while it comes and goes. */
int act_dump(struct worker *w)
{
	struct genl_request request;
	struct genl_rows rows;
	int rc = begin(w, &request);

	if (rc)
		return rc;
	if (chance(w, 30))
		genl_put_u32(&request, IOASID_A_SPACE_CONTEXT, pick(w, 20));
	rc = CALL(w, genl_dump(&w->genl, &request, &rows));
	genl_free(&rows);
	if (rc)
		genl_close(&w->genl);
	return rc;
}

/* Attributes of any kind and length. */
int act_ask_garbage(struct worker *w)
{
	unsigned int n = pick(w, 6);
	struct genl_request request;
	struct genl_rows rows = { };
	uint64_t data[2];
	int rc = begin(w, &request);

	if (rc)
		return rc;
	request.genl.cmd = pick(w, 12);
	while (n--) {
		data[0] = random_next(&w->random);
		data[1] = random_next(&w->random);
		genl_put(&request, pick(w, 24), data, pick(w, 16));
	}
	rc = chance(w, 50) ? genl_do(&w->genl, &request) :
			     genl_dump(&w->genl, &request, &rows);
	genl_free(&rows);
	genl_close(&w->genl);
	return rc;
}

/* Somebody listens, and now and then takes what there is to hear. */
int act_listen(struct worker *w)
{
	unsigned int most = 64;
	struct genl_rows row;
	int rc = 0;

	if (w->ears.fd < 0)
		return genl_open(&w->ears, IOASID_FAMILY_NAME) ?:
		       genl_listen(&w->ears);
	/* On a slow machine others have more to tell than there is time to read. */
	while (!rc && most-- && !genl_silent(&w->ears)) {
		rc = genl_event(&w->ears, &row);
		genl_free(&row);
	}
	if (rc || chance(w, 20))
		genl_close(&w->ears);
	/* More than the socket holds have been told. */
	return rc == -ENOBUFS ? 0 : rc;
}

static int change_split(struct worker *w, uint8_t cmd, unsigned int a,
			unsigned int b)
{
	struct genl_request request;
	char name[24];

	genl_begin(&w->genl, &request, cmd);
	snprintf(name, sizeof(name), "iosim-" FREE_ENGINE, a);
	genl_put_text(&request, IOASID_A_SPLIT_DEVICE, name);
	snprintf(name, sizeof(name), "iosim-" FREE_ENGINE, b);
	genl_put_text(&request, IOASID_A_SPLIT_OTHER, name);
	return genl_do(&w->genl, &request);
}

/* Two devices that others use are declared to be one, and to be two again. */
int act_split(struct worker *w)
{
	unsigned int a = pick(w, NR_ENGINES), b = pick(w, NR_ENGINES);
	int rc;

	if (w->genl.fd < 0 && genl_open(&w->genl, IOASID_FAMILY_NAME))
		return -ENODEV;
	rc = change_split(w, IOASID_CMD_SPLIT_ADD, a, b);
	if (!rc)
		rc = change_split(w, IOASID_CMD_SPLIT_DEL, a, b);
	return rc;
}
