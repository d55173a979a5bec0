/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a plan costs: who gets a way to whom that was closed before.
 */
#ifndef IOASID_TRUST_H
#define IOASID_TRUST_H

#include <jansson.h>

#include "isolation/plan.h"

void trust_text(struct plan *p, const struct pairs *opened);
json_t *trust_json(struct plan *p, const struct pairs *opened);

#endif
