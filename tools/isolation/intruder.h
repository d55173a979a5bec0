/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who gets into a group from outside, past the IOMMU.
 */
#ifndef IOASID_INTRUDER_H
#define IOASID_INTRUDER_H

#include <jansson.h>

struct reach;
struct topology;

void intruders_text(const struct topology *t, const struct reach *reach,
		    const int *members, int nr);
void intruders_unknown_text(const struct topology *t, const struct reach *reach,
			    const int *members, int nr);
json_t *intruders_unknown_json(const struct topology *t,
			       const struct reach *reach, int to);
json_t *intruders_json(const struct topology *t, const struct reach *reach,
		       int to);

#endif
