/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ports that should have an ACS capability and show none: firmware can hide it.
 */
#ifndef IOASID_ACS_EXPECTED_H
#define IOASID_ACS_EXPECTED_H

struct function;

const char *acs_expected(const struct function *f);

#endif
