/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading PCI functions with libpci, from sysfs or from a dump.
 */
#ifndef IOASID_READER_H
#define IOASID_READER_H

struct topology;
struct topology_source;

void reader_fill(struct topology *t, const struct topology_source *source);

#endif
