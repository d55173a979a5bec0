/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Buses whose bridge is not known: the dump does not have it, or not what leads behind
 * it.  What is on them may be behind one port with each other, and with what is beside
 * that port.
 */
#ifndef IOASID_LOST_H
#define IOASID_LOST_H

#include <stdbool.h>

struct topology;

void lost_find(struct topology *t);
bool lost_may_share(const struct topology *t, int index);

#endif
