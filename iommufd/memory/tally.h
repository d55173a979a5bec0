/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What processes are charged by themselves, and leave to their users.
 */
#ifndef IOMMUFD_TALLY_H
#define IOMMUFD_TALLY_H

#include <linux/atomic.h>
#include <linux/types.h>

struct tally;
struct user_struct;

extern atomic_t iommufd_tallies;

/**
 * tally_any - is any process charged by itself?
 *
 * Without a lock: whoever has been charged before the caller was is seen.
 */
static inline bool tally_any(void)
{
	return atomic_read(&iommufd_tallies);
}

struct tally *iommufd_tally_get(void);
void iommufd_tally_put(struct tally *tally);
int iommufd_tally_charge(struct tally *tally, unsigned long npages,
			 unsigned long locked, unsigned long limit);
void iommufd_tally_uncharge(struct tally *tally, unsigned long npages);
unsigned long iommufd_tally_left(struct user_struct *user);

#endif
