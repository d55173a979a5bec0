/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Intel's Volume Management Device: an endpoint that has a PCI domain of its own behind
 * it, whose functions do DMA in the endpoint's name.
 */
#ifndef IOASID_VMD_H
#define IOASID_VMD_H

#include <stdbool.h>

struct topology;
struct function;

/* Domains of firmware have 16 bits; Linux numbers those of VMD from here. */
#define VMD_FIRST_DOMAIN 0x10000

bool vmd_is(const struct function *f);
void vmd_find(struct topology *t, const char *root);

#endif
