/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All devices of a class: those that are below one switch want a direct path.
 */
#ifndef IOASID_PLAN_CLASS_H
#define IOASID_PLAN_CLASS_H

#include "isolation/plan.h"

int plan_want_class(struct plan *p, char *const words[], int nr);

#endif
