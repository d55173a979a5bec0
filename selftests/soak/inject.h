/* SPDX-License-Identifier: GPL-2.0-only */
/* Allocation failures (debug kernel only), in one of several calls. */
#ifndef SELFTESTS_SOAK_INJECT_H
#define SELFTESTS_SOAK_INJECT_H

#include "worker.h"

void inject_open(struct worker *w);
void inject_begin(struct worker *w);
void inject_end(struct worker *w);

/*
 * A call in which an allocation may fail. It has failed with good reason if
 * excused(): then nothing may have changed.
 */
#define CALL(w, call) ({						\
	int _rc;							\
									\
	inject_begin(w);						\
	_rc = (call);							\
	inject_end(w);							\
	_rc;								\
})

static inline bool excused(const struct worker *w, int rc)
{
	return rc < 0 && w->injected;
}

#endif
