/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_COMPILER_H
#define UNIT_COMPILER_H

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

/* That of glibc has its place behind "static". */
#undef __always_inline
#define __always_inline	inline __attribute__((__always_inline__))

#define READ_ONCE(x)		(*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value)	(*(volatile typeof(x) *)&(x) = (value))

#endif
