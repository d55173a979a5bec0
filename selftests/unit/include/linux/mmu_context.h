/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_MMU_CONTEXT_H
#define UNIT_MMU_CONTEXT_H

/* There are no protection keys. */
#define arch_vma_access_permitted(vma, write, execute, foreign)	true

#endif
