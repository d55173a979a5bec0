/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Steps of actions on objects and PASIDs of their own: those that may fail only with good
 * reason, and those that must not.
 */
#ifndef SELFTESTS_SOAK_MUST_H
#define SELFTESTS_SOAK_MUST_H

#include "worker.h"

int try_attach(struct worker *w, uint32_t pasid, uint32_t pt);
int must_detach(struct worker *w, uint32_t pasid);
int must_destroy(struct worker *w, uint32_t id);

#endif
