/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every errno that the commands document: it is explained by a sentence that names a
 * fact of this call, or it has one cause only, and then there is none. Before each of them
 * another call leaves a sentence, which must not be heard again.
 *
 * SAYS: the errno has several causes. SILENT: it has one, which the comment names where
 * it is not that of all commands:
 *	EFAULT		an argument cannot be read or written
 *	E2BIG		an unknown end of the structure that is not zero
 *	ENOENT		there is no such object
 *	EOPNOTSUPP	a flag, or a reserved field, that is not known
 */
#ifndef SELFTESTS_ERRORS_H
#define SELFTESTS_ERRORS_H

#include "kselftest_harness.h"

#include "iommu.h"
#include "reason.h"

#define PAGE 4096UL
#define AT 0x40000000UL
#define FREE 0x80000000UL

/* A call that fails and is explained, to be forgotten by the next one. */
static inline bool leave_sentence(int fd)
{
	struct iommu_ioas_unmap cmd = { .size = 4 };

	return iommu_cmd(fd, IOMMU_IOAS_UNMAP, &cmd) == -EINVAL &&
	       reason_explains(fd, EINVAL, "IOMMU_IOAS_UNMAP");
}

#define SAYS(fd, error, part, call) do {				\
	ASSERT_TRUE(leave_sentence(fd));				\
	EXPECT_REFUSED(fd, error, part, call);				\
} while (0)

#define SILENT(fd, error, call) do {					\
	ASSERT_TRUE(leave_sentence(fd));				\
	EXPECT_EQ(-(error), call);					\
	EXPECT_TRUE(reason_none(fd));					\
} while (0)

/* The command with one field of its structure changed. */
#define WITH(fd, nr, arg, change) ({					\
	typeof(arg) _arg = (arg), *bad = &_arg;				\
	bad->change;							\
	iommu_cmd(fd, nr, bad); })

#endif
