/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_TYPES_H
#define UNIT_TYPES_H

#include_next <linux/types.h>

#include <linux/compiler.h>
#include <linux/stddef.h>

typedef __u8 u8;
typedef __u32 u32;
typedef __u64 u64;
typedef unsigned int gfp_t;

#endif
