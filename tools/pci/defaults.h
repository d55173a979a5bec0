/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ACS as Linux sets it up where it uses an IOMMU, and when to go by that rather than
 * by what the registers say.
 */
#ifndef IOASID_DEFAULTS_H
#define IOASID_DEFAULTS_H

#include <jansson.h>

struct topology;

/**
 * enum acs_choice - which settings of ACS are wanted
 * @ACS_AUTO: as they are, except where they are clearly those of no IOMMU
 * @ACS_AS_IS: as they are
 * @ACS_DEFAULTS: as Linux sets them up
 */
enum acs_choice {
	ACS_AUTO,
	ACS_AS_IS,
	ACS_DEFAULTS,
};

void defaults_choose(struct topology *t, enum acs_choice choice);
void defaults_text(const struct topology *t);
void defaults_warn(const struct topology *t);
json_t *defaults_json(const struct topology *t);

#endif
