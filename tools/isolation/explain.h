/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reasons, in words and as JSON: why a function does or does not isolate, and why
 * it is in its group.
 */
#ifndef IOASID_EXPLAIN_H
#define IOASID_EXPLAIN_H

#include <jansson.h>

#include "pci/acs.h"
#include "pci/group.h"
#include "pci/topology.h"

char *explain_verdict(const struct function *f,
		      const struct acs_verdict *verdict);
char *explain_group(const struct topology *t, const struct groups *g,
		    int index);
json_t *explain_bits(uint16_t bits);
json_t *explain_acs(const struct function *f);
json_t *explain_caps(const struct function *f);
json_t *explain_group_json(const struct topology *t, const struct groups *g,
			   int index);
json_t *explain_address(const struct topology *t, int index);

#endif
