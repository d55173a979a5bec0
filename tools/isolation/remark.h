/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Remarks of a check: printed as they are made, or collected for JSON.
 */
#ifndef IOASID_REMARK_H
#define IOASID_REMARK_H

#include <jansson.h>

/**
 * enum remark - what a remark means
 * @REMARK_FINE: as it should be
 * @REMARK_NOTE: worth knowing
 * @REMARK_UNKNOWN: cannot be told
 * @REMARK_WRONG: not what somebody will have meant
 * @REMARK_DANGER: what is taken for isolated is not
 */
enum remark {
	REMARK_FINE,
	REMARK_NOTE,
	REMARK_UNKNOWN,
	REMARK_WRONG,
	REMARK_DANGER,
	REMARKS,
};

/**
 * struct remarks - all of a check
 * @list: of them, for JSON
 * @count: how many of each kind
 */
struct remarks {
	json_t *list;
	int count[REMARKS];
};

void remarks_open(struct remarks *f);
void remark(struct remarks *f, enum remark kind, const char *what,
	     const char *where, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#endif
