/* SPDX-License-Identifier: GPL-2.0-only */
/* peer.h - the device whose BAR is mapped for another one. */
#ifndef SELFTESTS_BENCH_PEER_H
#define SELFTESTS_BENCH_PEER_H

#include "../lib/vfio.h"

/* Which BAR of it; the others are small. */
#define PEER_BAR	2

struct vfio_pci peer_find(void);
int peer_open_by_itself(void);
void peer_close(void);

#endif /* SELFTESTS_BENCH_PEER_H */
