/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_RCUPDATE_H
#define UNIT_RCUPDATE_H

#include <asm/barrier.h>
#include <linux/compiler.h>

#define rcu_assign_pointer(p, value)	smp_store_release(&(p), value)
#define rcu_dereference_raw(p)		READ_ONCE(p)

#endif
