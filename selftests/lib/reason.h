/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks of what IOASID_LAST_REASON says.
 */
#ifndef SELFTESTS_LIB_REASON_H
#define SELFTESTS_LIB_REASON_H

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "iommu.h"

#define REASON_TEXT 512

/* Something to show to a person: one line, and nothing of the kernel's. */
static inline bool reason_is_sentence(const char *text)
{
	size_t len = strlen(text), i;

	if (len < 20 || isspace(text[0]) || isspace(text[len - 1]))
		return false;
	for (i = 0; i < len; i++)
		if (!isprint((unsigned char)text[i]))
			return false;
	return !strstr(text, "0xffff8") && !strstr(text, "(null)") &&
	       !strstr(text, "%");
}

/* Has the last failure with @error been explained by a text with @part? */
static inline bool reason_explains(int fd, int error, const char *part)
{
	uint32_t len = REASON_TEXT, about = 0;
	char text[REASON_TEXT] = "";
	int rc = iommu_last_reason(fd, text, &len, &about);

	if (!rc && (int)about == error && len == strlen(text) + 1 &&
	    reason_is_sentence(text) && strstr(text, part))
		return true;
	printf("# %d: errno %u, \"%s\", not %d with \"%s\"\n", rc, about, text,
	       error, part);
	return false;
}

/* In a test: a call that fails, and whose sentence has @part in it. */
#define EXPECT_REFUSED(fd, error, part, call)				\
	do {								\
		EXPECT_EQ(-(error), call);				\
		EXPECT_TRUE(reason_explains(fd, error, part));		\
	} while (0)

static inline bool reason_none(int fd)
{
	uint32_t len = REASON_TEXT, about = 0;
	char text[REASON_TEXT] = "";
	int rc = iommu_last_reason(fd, text, &len, &about);

	if (rc == -ENODATA)
		return true;
	printf("# %d: errno %u, \"%s\", where there is to be none\n", rc, about,
	       text);
	return false;
}

#endif
