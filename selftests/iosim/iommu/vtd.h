/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * First stages of VT-d: what a user says of them.
 */
#ifndef IOSIM_VTD_H
#define IOSIM_VTD_H

#include "nested.h"

extern const struct nested_format vtd_first_stage;

#endif
